import protobuf from 'protobufjs';

/** The part of onnx.proto that we read and write, for a second opinion by protobufjs. */
const SCHEMA = `
syntax = "proto2";
message Entry { optional string key = 1; optional string value = 2; }
message Tensor {
  repeated int64 dims = 1; optional int32 data_type = 2; repeated float float_data = 4 [packed = true];
  repeated int32 int32_data = 5 [packed = true]; repeated bytes string_data = 6;
  repeated int64 int64_data = 7 [packed = true]; optional string name = 8; optional bytes raw_data = 9;
  repeated double double_data = 10 [packed = true]; repeated uint64 uint64_data = 11 [packed = true];
  optional string doc_string = 12; repeated Entry external_data = 13; optional int32 data_location = 14;
}
message Attribute {
  optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4; optional Tensor t = 5;
  optional Graph g = 6; repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9;
  repeated Tensor tensors = 10; repeated Graph graphs = 11; optional int32 type = 20;
}
message Node {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
  repeated Attribute attribute = 5; optional string doc_string = 6; optional string domain = 7;
}
message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
message Shape { repeated Dimension dim = 1; }
message TensorType { optional int32 elem_type = 1; optional Shape shape = 2; }
message Type { optional TensorType tensor_type = 1; }
message ValueInfo { optional string name = 1; optional Type type = 2; }
message Graph {
  repeated Node node = 1; optional string name = 2; repeated Tensor initializer = 5; optional string doc_string = 10;
  repeated ValueInfo input = 11; repeated ValueInfo output = 12; repeated ValueInfo value_info = 13;
}
message OpsetImport { optional string domain = 1; optional int64 version = 2; }
message Model {
  optional int64 ir_version = 1; optional string producer_name = 2; optional Graph graph = 7;
  repeated OpsetImport opset_import = 8;
}
`;

const Model = protobuf.parse(SCHEMA, { keepCase: true }).root.lookupType('Model');

/** Decodes with protobufjs; whole numbers as strings, bytes as arrays, so that results compare with toEqual. */
export function decodeWithProtobufjs(bytes: Uint8Array): Record<string, unknown> {
  return Model.toObject(Model.decode(bytes), { longs: String, bytes: Array });
}

/** Encodes a plain object of the schema's form with protobufjs. */
export function encodeWithProtobufjs(model: Record<string, unknown>): Uint8Array {
  return Model.encode(Model.fromObject(model)).finish();
}
