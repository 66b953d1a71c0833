// A client of protoservice.thrift on Apache Thrift's C++ library. README.md says what it checks.
#include "ProtoService.h"
#include "forms.h"
#include <iostream>
#include <thrift/TApplicationException.h>
#include <thrift/protocol/TMultiplexedProtocol.h>
#include <thrift/transport/TSocket.h>

static void check(bool holds, const string &what) {
    if (holds) return;
    std::cerr << what << std::endl;
    exit(1);
}

static Nested nested(int depth) {
    Nested made;
    for (int i = 0; i < depth; i++)
        for (int64_t j = 0; j < 1000; j++) made.table["key " + std::to_string(i)].push_back(j * 1000003 * (j % 2 ? -1 : 1));
    if (depth > 0) {
        made.inner = make_shared<Nested>(nested(depth - 1));
        made.__isset.inner = true;
    }
    made.points = {0.5 * depth, -1e300};
    made.yes = true;
    made.tiny = -depth;
    made.small = 300 * depth;
    for (int i = 0; i < depth; i++) made.text += "Grüße ";
    made.__isset.table = made.__isset.points = made.__isset.yes = made.__isset.no = made.__isset.tiny = made.__isset.small = made.__isset.text = true;
    return made;
}

// Field by field: the generated comparison compares where `inner` stands, not what it holds.
static bool same(const Nested &a, const Nested &b) {
    bool inner = a.__isset.inner == b.__isset.inner && (!a.__isset.inner || same(*a.inner, *b.inner));
    return inner && a.table == b.table && a.points == b.points && a.yes == b.yes && a.no == b.no && a.tiny == b.tiny && a.small == b.small &&
           a.text == b.text;
}

static ProtoRequest request(int32_t type, const string &content, int64_t shard) {
    ProtoRequest rq;
    rq.__set_type(type);
    rq.__set_content(content);
    rq.__set_sharding_id(shard);
    return rq;
}

int main(int count, char **words) {
    auto o = options(count, words);
    auto socket = make_shared<transport::TSocket>(o["host"], std::stoi(o["port"]));
    socket->setRecvTimeout(60000);
    auto transport = transports(o["transport"])->getTransport(socket);
    auto protocol = protocols(o["transport"], o["protocol"])->getProtocol(transport);
    transport->open();
    shared_ptr<protocol::TProtocol> out = protocol;
    if (!o["service"].empty()) out = make_shared<protocol::TMultiplexedProtocol>(protocol, o["service"]);
    ProtoServiceClient client(protocol, out);

    try {
        size_t big = o["big"].empty() ? 100000 : std::stoul(o["big"]);
        for (size_t size : {size_t(0), size_t(1), size_t(100), size_t(4096), big}) {
            string content;
            for (size_t i = 0; i < size; i++) content.push_back(char(i * 7));
            ProtoReply reply;
            client.rpc(reply, request(size % 1000, content, -int64_t(size)));
            check(reply.result == -int64_t(size) && reply.type == int32_t(size % 1000), "rpc: wrong result or type");
            check(reply.content == string(content.rbegin(), content.rend()), "rpc: wrong content of " + std::to_string(reply.content.size()));
        }
        if (o["only"].empty()) {
            ProtoReply before, after;
            client.rpc(before, request(-2, "", 0));
            client.tell(request(1, "told", 1));
            client.nothing();
            client.rpc(after, request(-2, "", 0));
            check(after.result == before.result + 1 && after.content == "told", "tell: not counted");
            for (int depth : {0, 1, 5}) {
                Nested sent = nested(depth), got;
                client.deep(got, sent, false);
                check(got.__isset.inner && same(*got.inner, sent) && got.text == sent.text + "!", "deep: another answer at depth " + std::to_string(depth));
            }
            try {
                Nested got;
                client.deep(got, nested(1), true);
                check(false, "deep: no Refused came");
            } catch (const Refused &refused) {
                check(refused.why == "Grüße !", "Refused: " + refused.why);
            }
        }
        // A method that no server has, and the connection goes on.
        out->writeMessageBegin("unheard", protocol::T_CALL, 77);
        ProtoService_nothing_pargs().write(out.get());
        out->writeMessageEnd();
        out->getTransport()->writeEnd();
        out->getTransport()->flush();
        string name;
        protocol::TMessageType kind;
        int32_t number;
        protocol->readMessageBegin(name, kind, number);
        check(kind == protocol::T_EXCEPTION && number == 77, "an unknown method: no exception came");
        TApplicationException exception;
        exception.read(protocol.get());
        protocol->readMessageEnd();
        protocol->getTransport()->readEnd();
        check(exception.getType() == TApplicationException::UNKNOWN_METHOD, string("an unknown method: ") + exception.what());
        ProtoReply last;
        client.rpc(last, request(1, "ab", 5));
        check(last.content == "ba", "after an unknown method: wrong content");
    } catch (const TException &error) {
        check(false, string("failed: ") + error.what());
    }
    std::cout << "ok" << std::endl;
}
