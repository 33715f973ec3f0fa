#!/usr/bin/env python3
"""Makes the calls of Triton's Python client (tritonclient) against a running Sparewheel, and checks their results.

    SPAREWHEEL_INFER_TOKEN=… python3 e2e/src/triton_client.py --http 127.0.0.1:3001 --grpc 127.0.0.1:3002 [--deployment lenet5]

The deployment has one FP32 input with a fixed shape and a first output of two axes. Prints one line of JSON per call:
{"call", "ok", "detail"}. Exits with 0 if every call gave the expected result, with 1 if one did not, and with 77 if Python
cannot import the client, which the line {"skipped": reason} says. One protocol without its client is skipped with such a
line, too.
"""

import argparse
import json
import os
import queue
import sys

failures = 0
calls = 0


def report(call, ok, detail):
    global failures, calls
    calls += 1
    failures += 0 if ok else 1
    print(json.dumps({"call": call, "ok": bool(ok), "detail": str(detail)[:300]}), flush=True)


def text_of(error):
    """The client joins strings to the error's text, which fails if the server sent something else."""
    try:
        return f"{type(error).__name__}: {error}"
    except TypeError as problem:
        return f"{type(error).__name__} that cannot be printed: TypeError: {problem}"


def check(call, run, expected):
    """Runs a call. `expected` gets its result and returns whether it is right."""
    try:
        result = run()
    except Exception as error:  # The client raises errors of every kind; each is a failed call.
        report(call, False, text_of(error))
        return None
    try:
        report(call, expected(result), "" if expected(result) else f"unexpected result {result}")
    except Exception as error:
        report(call, False, f"unexpected result: {text_of(error)}")
    return result


def check_error(call, run, exception, text):
    """Runs a call that must fail with the client's own exception and a text."""
    try:
        result = run()
    except exception as error:
        report(call, text in text_of(error) and "cannot be printed" not in text_of(error), text_of(error))
    except Exception as error:
        report(call, False, text_of(error))
    else:
        report(call, False, f"no error, but {result}")


def make_inputs(client, np, metadata, seed, binary=None):
    described = metadata["inputs"][0]
    shape = [int(dim) for dim in described["shape"]]
    data = np.random.default_rng(seed).random(shape, dtype=np.float32)
    tensor = client.InferInput(described["name"], shape, described["datatype"])
    if binary is None:
        tensor.set_data_from_numpy(data)
    else:
        tensor.set_data_from_numpy(data, binary_data=binary)
    return [tensor]


def both_protocols(name, client, server, np, headers, deployment, exception, as_dict):
    """The calls that HTTP and gRPC have in common. Returns the metadata and the reference output."""
    call = lambda text: f"{name} {text}"
    check(call("is_server_live"), lambda: server.is_server_live(headers=headers()), lambda live: live is True)
    check(call("is_server_ready"), lambda: server.is_server_ready(headers=headers()), lambda ready: ready is True)
    check(call("is_model_ready"), lambda: server.is_model_ready(deployment, headers=headers()), lambda ready: ready is True)
    check(
        call("is_model_ready(version)"),
        lambda: server.is_model_ready(deployment, "1", headers=headers()),
        lambda ready: ready is True,
    )
    check(
        call("is_model_ready of an unknown model"),
        lambda: not_ready(server, headers(), exception),
        lambda ready: ready is False,
    )
    check(
        call("get_server_metadata"),
        lambda: server.get_server_metadata(headers=headers(), **as_dict),
        lambda found: found["name"] == "sparewheel" and "statistics" in found["extensions"],
    )
    metadata = check(
        call("get_model_metadata"),
        lambda: server.get_model_metadata(deployment, headers=headers(), **as_dict),
        lambda found: found["name"] == deployment and len(found["inputs"]) == 1,
    )
    check(
        call("get_model_config"),
        lambda: server.get_model_config(deployment, headers=headers(), **as_dict),
        lambda found: found.get("config", found)["input"][0]["data_type"] == "TYPE_FP32",
    )
    check(
        call("get_model_repository_index"),
        lambda: server.get_model_repository_index(headers=headers(), **as_dict),
        lambda found: deployment
        in [each["name"] for each in (found["models"] if isinstance(found, dict) else found) if each["state"] == "READY"],
    )
    for action in ("load", "unload"):
        check_error(
            call(f"{action}_model"),
            lambda: getattr(server, f"{action}_model")(deployment, headers=headers()),
            exception,
            f"clients may not {action} models",
        )
    output = metadata["outputs"][0]["name"]
    inputs = make_inputs(client, np, metadata, 1)
    infer = lambda given=inputs, **options: server.infer(deployment, given, headers=headers(), **options)
    reference = check(call("infer"), infer, lambda result: np.isfinite(result.as_numpy(output)).all())
    expected = reference.as_numpy(output)
    same = lambda result: agrees(np, result.as_numpy(output), expected)
    check(call("infer(model_version)"), lambda: infer(model_version="1"), same)
    check(
        call("infer(request_id)"),
        lambda: infer(request_id="my-request"),
        lambda result: same(result) and result.get_response(**as_dict)["id"] == "my-request",
    )
    check(call("infer(outputs)"), lambda: infer(outputs=[client.InferRequestedOutput(output)]), same)
    check(call("infer(parameters)"), lambda: infer(parameters={"mine": "value", "number": 5}), same)
    check(call("infer(priority, timeout)"), lambda: infer(priority=1, timeout=1_000_000), same)

    def classified(result):
        texts = [text.decode() for text in result.as_numpy(output).reshape(-1)]
        best = np.argsort(-expected[0], kind="stable")[:3]
        wanted = [(int(index), float(expected[0][index])) for index in best]
        found = [(int(text.split(":")[1]), float(text.split(":")[0])) for text in texts]
        return [index for index, _ in found] == [index for index, _ in wanted] and agrees(
            np, [value for _, value in found], [value for _, value in wanted]
        )

    check(
        call("infer(class_count)"),
        lambda: infer(outputs=[client.InferRequestedOutput(output, class_count=3)]),
        classified,
    )
    check(
        call("get_inference_statistics(model)"),
        lambda: server.get_inference_statistics(deployment, headers=headers(), **as_dict),
        lambda found: int(found["model_stats"][0]["inference_stats"]["success"]["count"]) > 0
        and int(found["model_stats"][0]["inference_stats"]["compute_infer"]["ns"]) > 0,
    )
    check(
        call("get_inference_statistics"),
        lambda: server.get_inference_statistics(headers=headers(), **as_dict),
        lambda found: deployment in [each["name"] for each in found["model_stats"]],
    )

    check_error(
        call("infer of an unknown model"),
        lambda: server.infer("no-such-model", inputs, headers=headers()),
        exception,
        "no deployment is named 'no-such-model'",
    )
    check_error(call("infer(unknown version)"), lambda: infer(model_version="7"), exception, "has only version '1'")
    check_error(
        call("infer(unknown output)"),
        lambda: infer(outputs=[client.InferRequestedOutput("nothing")]),
        exception,
        "the model has no output 'nothing'",
    )
    wrong = client.InferInput(inputs[0].name(), [1, 2], "FP32")
    wrong.set_data_from_numpy(np.zeros([1, 2], dtype=np.float32))
    check_error(call("infer(wrong shape)"), lambda: infer([wrong]), exception, "has shape [1, 2], expected")
    half = client.InferInput(inputs[0].name(), inputs[0].shape(), "FP16")
    half.set_data_from_numpy(np.zeros(inputs[0].shape(), dtype=np.float16))
    check_error(call("infer(wrong datatype)"), lambda: infer([half]), exception, "is FP16, expected FP32")
    check_error(
        call("infer without a token"),
        lambda: server.infer(deployment, inputs),
        exception,
        "a token is missing",
    )
    for setting in ("trace", "log"):
        check_error(
            call(f"get_{setting}_settings"),
            lambda: getattr(server, f"get_{setting}_settings")(headers=headers()),
            exception,
            "",
        )
    check_error(
        call("get_system_shared_memory_status"),
        lambda: server.get_system_shared_memory_status(headers=headers()),
        exception,
        "",
    )
    return metadata, output, inputs, expected


def agrees(np, found, expected):
    """Recovered answers differ from others by rounding."""
    return np.shape(found) == np.shape(expected) and np.allclose(found, expected, rtol=1e-4, atol=1e-4)


def not_ready(server, headers, exception):
    """Over gRPC an unknown model is an error, over HTTP false."""
    try:
        return server.is_model_ready("no-such-model", headers=headers)
    except exception as error:
        if "no deployment is named" in text_of(error):
            return False
        raise


def check_http(np, address, token, deployment):
    try:
        import tritonclient.http as client
        from tritonclient.utils import InferenceServerException
    except (ImportError, RuntimeError) as error:
        print(json.dumps({"skipped": f"tritonclient.http: {error}"}), flush=True)
        return
    # The client writes into the dictionary of headers, so that each call gets its own.
    headers = lambda: {"Authorization": f"Bearer {token}"}
    server = client.InferenceServerClient(url=address, concurrency=16)
    metadata, output, inputs, expected = both_protocols(
        "http", client, server, np, headers, deployment, InferenceServerException, {}
    )
    same = lambda result: agrees(np, result.as_numpy(output), expected)
    infer = lambda given=inputs, **options: server.infer(deployment, given, headers=headers(), **options)
    texts = make_inputs(client, np, metadata, 1, binary=False)
    check("http infer(JSON inputs)", lambda: infer(texts), same)
    in_json = [client.InferRequestedOutput(output, binary_data=False)]
    check("http infer(JSON outputs)", lambda: infer(outputs=in_json), same)
    check("http infer(JSON inputs and outputs)", lambda: infer(texts, outputs=in_json), same)
    for algorithm in ("gzip", "deflate"):
        request = {"request_compression_algorithm": algorithm}
        response = {"response_compression_algorithm": algorithm}
        check(f"http infer({algorithm} request)", lambda: infer(**request), same)
        check(f"http infer({algorithm} response)", lambda: infer(**response), same)
        check(f"http infer({algorithm} request and response)", lambda: infer(**request, **response), same)
        check(f"http infer({algorithm} request, JSON)", lambda: infer(texts, outputs=in_json, **request, **response), same)

    def concurrent():
        given = [make_inputs(client, np, metadata, seed) for seed in range(64)]
        alone = [infer(each).as_numpy(output) for each in given]
        asked = [server.async_infer(deployment, each, headers=headers()) for each in given]
        return [agrees(np, one.get_result().as_numpy(output), other) for one, other in zip(asked, alone)]

    check("http async_infer, 64 at once", concurrent, all)
    server.close()


def check_grpc(np, address, token, deployment):
    try:
        import tritonclient.grpc as client
        from tritonclient.utils import InferenceServerException
    except (ImportError, RuntimeError) as error:
        print(json.dumps({"skipped": f"tritonclient.grpc: {error}"}), flush=True)
        return
    headers = lambda: {"authorization": f"Bearer {token}"}
    server = client.InferenceServerClient(url=address)
    metadata, output, inputs, expected = both_protocols(
        "grpc", client, server, np, headers, deployment, InferenceServerException, {"as_json": True}
    )
    same = lambda result: agrees(np, result.as_numpy(output), expected)
    infer = lambda given=inputs, **options: server.infer(deployment, given, headers=headers(), **options)
    for algorithm in ("gzip", "deflate"):
        check(f"grpc infer({algorithm})", lambda: infer(compression_algorithm=algorithm), same)
    check("grpc infer(client_timeout)", lambda: infer(client_timeout=10), same)
    given = [make_inputs(client, np, metadata, seed) for seed in range(64)]
    alone = [infer(each).as_numpy(output) for each in given]
    close = lambda found: all(agrees(np, found[seed], alone[seed]) for seed in range(64))

    def concurrent():
        answers = queue.Queue()
        for seed, each in enumerate(given):
            server.async_infer(
                deployment, each, lambda result, error, seed=seed: answers.put((seed, result, error)), headers=headers()
            )
        return collect(answers)

    def stream():
        answers = queue.Queue()
        server.start_stream(lambda result, error: answers.put((None, result, error)), headers=headers())
        for seed, each in enumerate(given):
            server.async_stream_infer(deployment, each, request_id=str(seed))
        found = collect(answers)
        server.stop_stream()
        return found

    def collect(answers):
        found = {}
        for _ in range(64):
            seed, result, error = answers.get(timeout=30)
            if error is not None:
                raise error
            found[int(result.get_response().id) if seed is None else seed] = result.as_numpy(output)
        return found

    check("grpc async_infer, 64 at once", concurrent, close)
    check("grpc async_stream_infer, 64 on one stream", stream, close)

    def stream_error():
        answers = queue.Queue()
        server.start_stream(lambda result, error: answers.put((result, error)), headers=headers())
        server.async_stream_infer("no-such-model", inputs, request_id="bad")
        server.async_stream_infer(deployment, inputs, request_id="good")
        first, second = answers.get(timeout=30), answers.get(timeout=30)
        server.stop_stream()
        return first, second

    check(
        "grpc async_stream_infer, an error and an answer",
        stream_error,
        lambda found: "no deployment is named" in str(found[0][1]) and found[1][1] is None and same(found[1][0]),
    )
    server.close()


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--http", help="host:port of the data plane")
    arguments.add_argument("--grpc", help="host:port of inference over gRPC")
    arguments.add_argument("--deployment", default="lenet5")
    options = arguments.parse_args()
    token = os.environ.get("SPAREWHEEL_INFER_TOKEN", "")
    try:
        import numpy as np
        import tritonclient  # noqa: F401
    except ImportError as error:
        print(json.dumps({"skipped": str(error)}), flush=True)
        return 77
    if options.http:
        check_http(np, options.http, token, options.deployment)
    if options.grpc:
        check_grpc(np, options.grpc, token, options.deployment)
    if calls == 0:
        return 77
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
