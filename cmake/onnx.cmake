# ONNX's message definitions come from Debian's libonnx-dev; protobuf-c makes C of them.
find_program(PROTOC_C NAMES protoc-c REQUIRED)
find_file(ONNX_PROTO onnx/onnx.proto PATHS /usr/include /usr/local/include REQUIRED)
set(SEPCL_ONNX_SOURCE ${CMAKE_BINARY_DIR}/generated/onnx.pb-c.c)
add_custom_command(
  OUTPUT ${SEPCL_ONNX_SOURCE} ${CMAKE_BINARY_DIR}/generated/onnx.pb-c.h
  COMMAND ${CMAKE_COMMAND} -E copy ${ONNX_PROTO} ${CMAKE_BINARY_DIR}/generated/onnx.proto
  COMMAND ${PROTOC_C} --proto_path=${CMAKE_BINARY_DIR}/generated --c_out=${CMAKE_BINARY_DIR}/generated onnx.proto
  DEPENDS ${ONNX_PROTO}
  VERBATIM)
