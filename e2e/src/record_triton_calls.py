#!/usr/bin/env python3
"""Records what Triton's Python client (tritonclient) sends, byte by byte, for the tests of the data plane.

    python3 e2e/src/record_triton_calls.py > apps/data-plane/src/testing/recorded-calls.json

The calls use the model `halves` of apps/data-plane/src/testing/halves-server.ts. A call over HTTP is recorded as its whole
request. A call over gRPC is recorded as the message that the client sends, and the message that it expects, as the
client's own definition of the protocol encodes it.
"""

import base64
import json
import socket
import threading

import numpy as np
import tritonclient.grpc as grpc_client
import tritonclient.http as http_client
from tritonclient.grpc import model_config_pb2, service_pb2
from tritonclient.grpc._utils import _get_inference_request

HEADERS = {"Authorization": "Bearer the-client"}
X = np.array([[1, 2, 3], [4.5, -5, 6]], dtype=np.float32)
N = np.array([41, -(2**62)], dtype=np.int64)
MASK = np.array([True, False])


def text(data):
    return base64.b64encode(data).decode()


def inputs(client, **options):
    tensors = []
    for name, array, datatype in (("x", X, "FP32"), ("n", N, "INT64"), ("mask", MASK, "BOOL")):
        tensor = client.InferInput(name, list(array.shape), datatype)
        tensor.set_data_from_numpy(array, **options)
        tensors.append(tensor)
    return tensors


def record_http(call):
    """Makes a call to a server that answers {} to everything, and returns the request."""
    listener = socket.create_server(("127.0.0.1", 0))
    received = []

    def serve():
        connection, _ = listener.accept()
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        received.append(head + b"\r\n\r\n" + body)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        connection.close()

    thread = threading.Thread(target=serve)
    thread.start()
    client = http_client.InferenceServerClient(f"127.0.0.1:{listener.getsockname()[1]}")
    try:
        call(client)
    except Exception:
        pass  # The answer is not one of the protocol.
    thread.join()
    listener.close()
    return text(received[0])


def http_calls():
    infer = lambda given, **options: lambda client: client.infer("halves", given, headers=dict(HEADERS), **options)
    binary = inputs(http_client)
    in_json = [tensor for tensor in inputs(http_client, binary_data=False)]
    in_json[1].set_data_from_numpy(np.array([41, -(2**52)], dtype=np.int64), binary_data=False)
    output = lambda name, **options: http_client.InferRequestedOutput(name, **options)
    outputs = [output("m"), output("y", class_count=2), output("flag", binary_data=False)]
    calls = {
        "infer": infer(binary, request_id="recorded"),
        "infer in JSON": infer(in_json, outputs=[output("y", binary_data=False)]),
        "infer with outputs and classes": infer(binary, outputs=outputs),
        "infer with a gzip request": infer(binary, request_compression_algorithm="gzip"),
        "infer with a deflate request and response": infer(
            binary, request_compression_algorithm="deflate", response_compression_algorithm="deflate"
        ),
        "infer with parameters": infer(binary, sequence_id=7, sequence_start=True, priority=3, timeout=5, parameters={"mine": 1}),
        "infer of an unknown model": lambda client: client.infer("none", binary, headers=dict(HEADERS)),
        "get_model_repository_index": lambda client: client.get_model_repository_index(headers=dict(HEADERS)),
        "load_model": lambda client: client.load_model("halves", headers=dict(HEADERS), config="{}"),
        "unload_model": lambda client: client.unload_model("halves", headers=dict(HEADERS)),
        "get_inference_statistics": lambda client: client.get_inference_statistics(headers=dict(HEADERS)),
        "get_model_config": lambda client: client.get_model_config("halves", "1", headers=dict(HEADERS)),
    }
    return {name: record_http(call) for name, call in calls.items()}


def infer_request(outputs=None, request_id="", parameters=None):
    return _get_inference_request(
        "halves", inputs(grpc_client), "", request_id, outputs, 0, False, False, 0, None, parameters
    )


def infer_response(request_id, outputs):
    response = service_pb2.ModelInferResponse(model_name="halves", model_version="1", id=request_id)
    response.parameters["recovered"].int64_param = 1
    response.parameters["rescued"].int64_param = 2
    response.parameters["latency_ms"].double_param = 3.25
    for name, datatype, shape, data in outputs:
        response.outputs.add(name=name, datatype=datatype, shape=shape)
        response.raw_output_contents.append(data)
    return response


def grpc_calls():
    y = ("y", "FP32", [2, 3], (X / 2).tobytes())
    m = ("m", "INT64", [2], (N + 1).tobytes())
    flag = ("flag", "BOOL", [2], (~MASK).tobytes())
    classes = ("y", "BYTES", [2, 1], b"\x05\0\0\0" + b"1.5:2" + b"\x03\0\0\0" + b"3:2")
    output = grpc_client.InferRequestedOutput
    tensor = service_pb2.ModelMetadataResponse.TensorMetadata
    described = [("FP32", [-1, 3]), ("INT64", [2]), ("BOOL", [2])]
    tensors = lambda names: [tensor(name=name, datatype=type, shape=shape) for name, (type, shape) in zip(names, described)]
    config = model_config_pb2.ModelConfig(name="halves", platform="sparewheel", backend="sparewheel")
    config.version_policy.latest.num_versions = 1
    config.model_transaction_policy.decoupled = False
    for name, (type, shape) in zip(("x", "n", "mask"), described):
        config.input.add(name=name, data_type=f"TYPE_{type}", dims=shape)
    for name, (type, shape) in zip(("y", "m", "flag"), described):
        config.output.add(name=name, data_type=f"TYPE_{type}", dims=shape)
    index = service_pb2.RepositoryIndexResponse()
    index.models.add(name="halves", version="1", state="READY")
    server = service_pb2.ServerMetadataResponse(name="sparewheel", version="9.8.7")
    server.extensions.extend(
        ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]
    )
    statistics = service_pb2.ModelStatisticsResponse()
    statistics.model_stats.add(name="halves", version="1", last_inference=123, inference_count=1, execution_count=1)
    one = {"count": 1, "ns": 2_000_000}
    stats = statistics.model_stats[0].inference_stats
    for field in ("queue", "compute_input", "compute_infer", "compute_output"):
        getattr(stats, field).CopyFrom(service_pb2.StatisticDuration(**one))
    stats.success.CopyFrom(service_pb2.StatisticDuration(count=1, ns=8_000_000))
    stats.fail.CopyFrom(service_pb2.StatisticDuration(count=1, ns=5_000_000))
    stats.cache_hit.SetInParent()
    stats.cache_miss.SetInParent()
    statistics.model_stats[0].batch_stats.add(batch_size=1, compute_input=one, compute_infer=one, compute_output=one)
    metadata = service_pb2.ModelMetadataResponse(
        name="halves", versions=["1"], platform="sparewheel", inputs=tensors(("x", "n", "mask")), outputs=tensors(("y", "m", "flag"))
    )
    cases = [
        ("ServerLive", service_pb2.ServerLiveRequest(), service_pb2.ServerLiveResponse(live=True)),
        ("ServerReady", service_pb2.ServerReadyRequest(), service_pb2.ServerReadyResponse(ready=True)),
        ("ServerMetadata", service_pb2.ServerMetadataRequest(), server),
        ("ModelReady", service_pb2.ModelReadyRequest(name="halves"), service_pb2.ModelReadyResponse(ready=True)),
        ("ModelMetadata", service_pb2.ModelMetadataRequest(name="halves", version="1"), metadata),
        ("ModelConfig", service_pb2.ModelConfigRequest(name="halves"), service_pb2.ModelConfigResponse(config=config)),
        ("ModelStatistics", service_pb2.ModelStatisticsRequest(name="halves"), statistics),
        ("RepositoryIndex", service_pb2.RepositoryIndexRequest(ready=True), index),
        ("ModelInfer", infer_request(request_id="recorded"), infer_response("recorded", [y, m, flag])),
        (
            "ModelInfer",
            infer_request([output("m"), output("y", class_count=1)], "classes", {"mine": 5, "other": "x"}),
            infer_response("classes", [m, classes]),
        ),
    ]
    typed = service_pb2.ModelInferRequest(model_name="halves", id="typed")
    for name, datatype, array, field in (
        ("x", "FP32", X, "fp32_contents"),
        ("n", "INT64", N, "int64_contents"),
        ("mask", "BOOL", MASK, "bool_contents"),
    ):
        added = typed.inputs.add(name=name, datatype=datatype, shape=list(array.shape))
        getattr(added.contents, field).extend(array.reshape(-1).tolist())
    cases.append(("ModelInfer", typed, infer_response("typed", [y, m, flag])))
    return [
        {"method": method, "request": text(request.SerializeToString()), "response": text(response.SerializeToString())}
        for method, request, response in cases
    ]


print(json.dumps({"http": http_calls(), "grpc": grpc_calls()}, indent=2))
