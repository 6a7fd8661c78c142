"""Generated code: cln_subset.proto for protobuf and gRPC. Regenerate with script/stubs."""
