"""A gRPC server of the library itself, in cleartext: server.py ADDRESS:PORT. Messages are bytes, so that no code is generated."""
import concurrent.futures
import sys

import grpc


def client_stream(requests, context):
    return b"+".join(requests)


def server_stream(request, context):
    for number in range(3):
        yield request + b"%d" % number


def both(requests, context):
    context.send_initial_metadata((("before", "head"),))
    for request in requests:
        yield request[::-1]
    context.set_trailing_metadata((("after-bin", b"\x00\xff"), ("after", "tail")))


def fail(request, context):
    context.set_trailing_metadata((("why", "nobody knows"),))
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: \u00e9 %")


def large(request, context):
    return bytes(int(request))


METHODS = {
    "Unary": grpc.unary_unary_rpc_method_handler(lambda request, context: request.upper()),
    "ClientStream": grpc.stream_unary_rpc_method_handler(client_stream),
    "ServerStream": grpc.unary_stream_rpc_method_handler(server_stream),
    "Both": grpc.stream_stream_rpc_method_handler(both),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Large": grpc.unary_unary_rpc_method_handler(large),
}

server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", METHODS),))
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
