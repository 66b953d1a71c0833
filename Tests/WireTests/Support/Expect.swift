import Wire

/// Whether `body` throws a ``WireError`` of that code.
func throwing(_ code: Code, _ body: () throws -> Void) -> Bool {
    do {
        try body()
        return false
    } catch let error as WireError {
        return error.code == code && !error.description.isEmpty && !error.description.contains("\n")
    } catch {
        return false
    }
}
