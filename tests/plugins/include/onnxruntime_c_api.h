/* What the samples and tests in C need of ONNX Runtime's header of this name, version 23 of its table, so that they can
 * be compiled and run where only the host's library is to be had. An application uses the host's own header. */
#ifndef TEST_ONNXRUNTIME_C_API_H
#define TEST_ONNXRUNTIME_C_API_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define ORT_API_VERSION 23

typedef struct OrtStatus OrtStatus;
typedef struct OrtEnv OrtEnv;
typedef struct OrtSession OrtSession;
typedef struct OrtSessionOptions OrtSessionOptions;
typedef struct OrtRunOptions OrtRunOptions;
typedef struct OrtAllocator OrtAllocator;
typedef struct OrtValue OrtValue;
typedef struct OrtTypeInfo OrtTypeInfo;
typedef struct OrtTensorTypeAndShapeInfo OrtTensorTypeAndShapeInfo;
typedef struct OrtEpDevice OrtEpDevice;
typedef enum OrtLoggingLevel { ORT_LOGGING_LEVEL_WARNING = 2 } OrtLoggingLevel;
typedef enum ONNXTensorElementDataType { ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1 } ONNXTensorElementDataType;

/* `gap_N` are the functions from slot N on that nothing here calls. */
typedef struct OrtApi {
  void *gap_0[2];
  const char *(*GetErrorMessage)(const OrtStatus *status);
  OrtStatus *(*CreateEnv)(OrtLoggingLevel level, const char *name, OrtEnv **out);
  void *gap_4[3];
  OrtStatus *(*CreateSession)(const OrtEnv *env, const char *path, const OrtSessionOptions *options, OrtSession **out);
  void *gap_8[1];
  OrtStatus *(*Run)(OrtSession *session, const OrtRunOptions *options, const char *const *input_names,
                    const OrtValue *const *inputs, size_t input_count, const char *const *output_names,
                    size_t output_count, OrtValue **outputs);
  OrtStatus *(*CreateSessionOptions)(OrtSessionOptions **out);
  void *gap_11[13];
  OrtStatus *(*SetIntraOpNumThreads)(OrtSessionOptions *options, int threads);
  void *gap_25[8];
  OrtStatus *(*SessionGetInputTypeInfo)(const OrtSession *session, size_t index, OrtTypeInfo **out);
  void *gap_34[2];
  OrtStatus *(*SessionGetInputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **out);
  OrtStatus *(*SessionGetOutputName)(const OrtSession *session, size_t index, OrtAllocator *allocator, char **out);
  void *gap_38[10];
  OrtStatus *(*CreateTensorAsOrtValue)(OrtAllocator *allocator, const int64_t *dims, size_t rank,
                                       ONNXTensorElementDataType type, OrtValue **out);
  void *gap_49[2];
  OrtStatus *(*GetTensorMutableData)(OrtValue *value, void **out);
  void *gap_52[3];
  OrtStatus *(*CastTypeInfoToTensorInfo)(const OrtTypeInfo *type, const OrtTensorTypeAndShapeInfo **out);
  void *gap_56[5];
  OrtStatus *(*GetDimensionsCount)(const OrtTensorTypeAndShapeInfo *info, size_t *out);
  OrtStatus *(*GetDimensions)(const OrtTensorTypeAndShapeInfo *info, int64_t *dims, size_t count);
  void *gap_63[13];
  OrtStatus *(*AllocatorFree)(OrtAllocator *allocator, void *block);
  void *gap_77[1];
  OrtStatus *(*GetAllocatorWithDefaultOptions)(OrtAllocator **out);
  void *gap_79[13];
  void (*ReleaseEnv)(OrtEnv *env);
  void (*ReleaseStatus)(OrtStatus *status);
  void *gap_94[1];
  void (*ReleaseSession)(OrtSession *session);
  void (*ReleaseValue)(OrtValue *value);
  void *gap_97[1];
  void (*ReleaseTypeInfo)(OrtTypeInfo *type);
  void *gap_99[1];
  void (*ReleaseSessionOptions)(OrtSessionOptions *options);
  void *gap_101[200];
  OrtStatus *(*RegisterExecutionProviderLibrary)(OrtEnv *env, const char *name, const char *path);
  OrtStatus *(*UnregisterExecutionProviderLibrary)(OrtEnv *env, const char *name);
  OrtStatus *(*GetEpDevices)(const OrtEnv *env, const OrtEpDevice *const **devices, size_t *count);
  OrtStatus *(*SessionOptionsAppendExecutionProvider_V2)(OrtSessionOptions *options, OrtEnv *env,
                                                         const OrtEpDevice *const *devices, size_t device_count,
                                                         const char *const *keys, const char *const *values,
                                                         size_t option_count);
  void *gap_305[7];
  const char *(*EpDevice_EpName)(const OrtEpDevice *device);
} OrtApi;

#define ORT_SLOT(field, slot) static_assert(offsetof(OrtApi, field) == (slot) * sizeof(void *), #field)
ORT_SLOT(GetErrorMessage, 2);
ORT_SLOT(CreateSession, 7);
ORT_SLOT(Run, 9);
ORT_SLOT(SetIntraOpNumThreads, 24);
ORT_SLOT(SessionGetInputTypeInfo, 33);
ORT_SLOT(SessionGetInputName, 36);
ORT_SLOT(CreateTensorAsOrtValue, 48);
ORT_SLOT(GetTensorMutableData, 51);
ORT_SLOT(CastTypeInfoToTensorInfo, 55);
ORT_SLOT(GetDimensionsCount, 61);
ORT_SLOT(AllocatorFree, 76);
ORT_SLOT(GetAllocatorWithDefaultOptions, 78);
ORT_SLOT(ReleaseEnv, 92);
ORT_SLOT(ReleaseSession, 95);
ORT_SLOT(ReleaseTypeInfo, 98);
ORT_SLOT(ReleaseSessionOptions, 100);
ORT_SLOT(RegisterExecutionProviderLibrary, 301);
ORT_SLOT(SessionOptionsAppendExecutionProvider_V2, 304);
ORT_SLOT(EpDevice_EpName, 312);

typedef struct OrtApiBase {
  const OrtApi *(*GetApi)(uint32_t version);
  const char *(*GetVersionString)(void);
} OrtApiBase;

const OrtApiBase *OrtGetApiBase(void);

#endif
