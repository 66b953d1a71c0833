// The transports and protocols of Apache Thrift by the names that the tests use.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/protocol/THeaderProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/THeaderTransport.h>

using namespace apache::thrift;
using std::make_shared;
using std::shared_ptr;
using std::string;

// `--name value` pairs, nothing else.
inline std::map<string, string> options(int count, char **words) {
    std::map<string, string> found = {{"port", "0"}, {"transport", "framed"}, {"protocol", "binary"}, {"server", "pool"}, {"host", "127.0.0.1"}};
    for (int i = 1; i + 1 < count; i += 2) found[string(words[i]).substr(2)] = words[i + 1];
    return found;
}

inline shared_ptr<transport::TTransportFactory> transports(const string &name) {
    if (name == "framed") return make_shared<transport::TFramedTransportFactory>();
    if (name == "buffered") return make_shared<transport::TBufferedTransportFactory>();
    return make_shared<transport::TTransportFactory>();  // THeader frames by itself
}

// THeader with a choice of the protocol inside: the library's own factory has none.
struct HeaderFactory : protocol::TProtocolFactory {
    uint16_t inner;
    explicit HeaderFactory(uint16_t inner) : inner(inner) {}
    shared_ptr<protocol::TProtocol> getProtocol(shared_ptr<transport::TTransport> transport) override {
        return make_shared<protocol::THeaderProtocol>(transport, transport, inner);
    }
    shared_ptr<protocol::TProtocol> getProtocol(shared_ptr<transport::TTransport> in, shared_ptr<transport::TTransport> out) override {
        return make_shared<protocol::THeaderProtocol>(in, out, inner);
    }
};

inline shared_ptr<protocol::TProtocolFactory> protocols(const string &transport, const string &name) {
    if (transport == "header")
        return make_shared<HeaderFactory>(name == "compact" ? protocol::T_COMPACT_PROTOCOL : protocol::T_BINARY_PROTOCOL);
    if (name == "compact") return make_shared<protocol::TCompactProtocolFactory>();
    bool strict = name == "binary";
    return make_shared<protocol::TBinaryProtocolFactory>(0, 0, strict, strict);
}
