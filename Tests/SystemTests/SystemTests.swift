import Testing

/// Tests of the real executable over real sockets. One after the other: most of them load the machine or measure time.
@Suite(.serialized, .blocking)
enum SystemTests {}
