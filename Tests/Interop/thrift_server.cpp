// A server of protoservice.thrift on Apache Thrift's C++ library. README.md says what it does.
#include "ProtoService.h"
#include "forms.h"
#include <algorithm>
#include <iostream>
#include <mutex>
#include <thread>
#include <thrift/concurrency/ThreadFactory.h>
#include <thrift/concurrency/ThreadManager.h>
#include <thrift/processor/TMultiplexedProcessor.h>
#include <thrift/server/TNonblockingServer.h>
#include <thrift/server/TSimpleServer.h>
#include <thrift/server/TThreadPoolServer.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TNonblockingServerSocket.h>
#include <thrift/transport/TServerSocket.h>

struct Handler : ProtoServiceIf {
    std::mutex mutex;
    int64_t told = 0;
    string last;

    void rpc(ProtoReply &reply, const ProtoRequest &rq) override {
        reply.__set_type(rq.type);
        if (rq.type == -1) std::this_thread::sleep_for(std::chrono::milliseconds(rq.sharding_id));
        if (rq.type == -2) {
            std::lock_guard<std::mutex> lock(mutex);
            reply.__set_result(told);
            reply.__set_content(last);
            return;
        }
        reply.__set_result(rq.sharding_id);
        reply.__set_content(string(rq.content.rbegin(), rq.content.rend()));
    }
    void tell(const ProtoRequest &rq) override {
        std::lock_guard<std::mutex> lock(mutex);
        told += 1;
        last = rq.content;
    }
    void deep(Nested &answer, const Nested &n, const bool flag) override {
        if (flag) {
            Refused refused;
            refused.why = n.text + "!";
            throw refused;
        }
        answer.inner = make_shared<Nested>(n);
        answer.__isset.inner = true;
        answer.__set_text(n.text + "!");
    }
    void nothing() override {}
};

// Says on which port the system lets it listen, once it does.
struct Announcement : server::TServerEventHandler {
    std::function<int()> port;
    explicit Announcement(std::function<int()> port) : port(port) {}
    void preServe() override { std::cout << "listening on " << port() << std::endl; }
};

int main(int count, char **words) {
    auto o = options(count, words);
    int port = std::stoi(o["port"]);
    shared_ptr<TProcessor> processor = make_shared<ProtoServiceProcessor>(make_shared<Handler>());
    if (!o["service"].empty()) {
        auto multiplexed = make_shared<TMultiplexedProcessor>();
        multiplexed->registerProcessor(o["service"], processor);
        processor = multiplexed;
    }
    auto transport = transports(o["transport"]);
    auto protocol = protocols(o["transport"], o["protocol"]);
    auto threads = concurrency::ThreadManager::newSimpleThreadManager(64);
    threads->threadFactory(make_shared<concurrency::ThreadFactory>());
    threads->start();

    shared_ptr<server::TServer> server;
    if (o["server"] == "nonblocking") {
        auto socket = make_shared<transport::TNonblockingServerSocket>("127.0.0.1", port);
        auto nonblocking = make_shared<server::TNonblockingServer>(processor, protocol, socket, threads);
        nonblocking->setServerEventHandler(make_shared<Announcement>([socket] { return socket->getListenPort(); }));
        nonblocking->setMaxFrameSize(32 << 20);
        server = nonblocking;
    } else {
        auto socket = make_shared<transport::TServerSocket>("127.0.0.1", port);
        if (o["server"] == "simple") server = make_shared<server::TSimpleServer>(processor, socket, transport, protocol);
        else if (o["server"] == "threaded") server = make_shared<server::TThreadedServer>(processor, socket, transport, protocol);
        else server = make_shared<server::TThreadPoolServer>(processor, socket, transport, protocol, threads);
        server->setServerEventHandler(make_shared<Announcement>([socket] { return socket->getPort(); }));
    }
    server->serve();
}
