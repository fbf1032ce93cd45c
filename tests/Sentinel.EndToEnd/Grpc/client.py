"""A gRPC client of the library itself: client.py ADDRESS:PORT [AUTHORITIES NAME]. Prints what each kind of call gave."""
import queue
import sys

import grpc

DEADLINE = 30


def open_channel(target, authorities=None, name=None):
    if authorities is None:
        return grpc.insecure_channel(target)
    with open(authorities, "rb") as file:
        credentials = grpc.ssl_channel_credentials(root_certificates=file.read())
    return grpc.secure_channel(target, credentials, options=(("grpc.ssl_target_name_override", name),))


def failure(call):
    try:
        return f"answered {call()!r}"
    except grpc.RpcError as error:
        return f"{error.code().name} {error.details()!r} {[(key, value) for key, value in error.trailing_metadata() if key == 'why']}"


def in_turn(channel):
    """Each message is answered before the next is sent: neither side's stream waits for the end of the other's."""
    waiting = queue.Queue()
    call = channel.stream_stream("/test.Echo/Both")(iter(waiting.get, None), timeout=DEADLINE)
    answers = []
    for message in (b"one", b"two", b"three"):
        waiting.put(message)
        answers.append(next(call))
    waiting.put(None)
    assert next(call, None) is None
    head, tail = dict(call.initial_metadata()), dict(call.trailing_metadata())
    return f"{answers} {head.get('before')} {tail.get('after')} {tail.get('after-bin')} {call.code().name}"


with open_channel(*sys.argv[1:]) as channel:
    print("unary", failure(lambda: channel.unary_unary("/test.Echo/Unary")(b"hello", timeout=DEADLINE)))
    if "UNAVAILABLE" not in failure(lambda: channel.unary_unary("/test.Echo/Unary")(b"", timeout=DEADLINE)):
        print("client", channel.stream_unary("/test.Echo/ClientStream")(iter([b"a", b"b", b"c"]), timeout=DEADLINE))
        print("server", list(channel.unary_stream("/test.Echo/ServerStream")(b"n", timeout=DEADLINE)))
        print("both", in_turn(channel))
        print("fail", failure(lambda: channel.unary_unary("/test.Echo/Fail")(b"", timeout=DEADLINE)))
        print("nowhere", failure(lambda: channel.unary_unary("/test.Echo/Nowhere")(b"", timeout=DEADLINE)).split()[0])
        print("large", len(channel.unary_unary("/test.Echo/Large")(b"3000000", timeout=DEADLINE)))
