/* Stint runtime, C API.
 *
 * Open a plan, ask what memory it needs, give that memory, bind inputs, run, read outputs:
 *
 *   stint_plan plan;
 *   stint_plan_open(bytes, size, &plan);
 *   stint_requirements need;
 *   stint_plan_requirements(&plan, NULL, 1, &options, &need);
 *   stint_memory memory = {...};  // blocks of at least need.space[i].bytes
 *   stint_session* session;
 *   stint_session_create(&plan, NULL, 1, &options, &memory, &session);
 *   stint_bind_image(session, 0, 0, &frame);
 *   stint_run(session);
 *   const stint_detection* found;
 *   uint32_t count;
 *   stint_detections(session, 0, &found, &count);
 *   stint_session_destroy(session);
 *
 * No function here allocates. A session is used by one thread at a time; different sessions are
 * independent, also on one plan. Every function returns a status; `code` 0 is success.
 *
 * Stack: a thread that calls these functions needs 64 KiB of it (stint_plan_open takes 24 KiB, the
 * kernels less). Workers have stacks of their own in the session block. Arithmetic expects the
 * rounding mode of a fresh thread (to nearest).
 *
 * fork(): plans live on in the child, sessions hardly do. In the child a CPU session runs on the
 * calling thread alone, and only if no run was under way at the fork; one on a CUDA device answers
 * STINT_INVALID_ARGUMENT. Destroying either there returns at once and leaves the parent's untouched
 * (unless the blocks are shared memory: then only the parent may use the session).
 */
#ifndef STINT_STINT_H_
#define STINT_STINT_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define STINT_API __attribute__((visibility("default")))
#define STINT_NODISCARD __attribute__((warn_unused_result))
#else
#define STINT_API
#define STINT_NODISCARD
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define STINT_VERSION_STRING "0.1.0"

/* Error codes come in bands: 0x1x the call, 0x2x the plan file, 0x3x the target, 0x4x memory, 0x5x
 * the system, 0x6x CUDA. */
enum {
  STINT_OK = 0,
  STINT_INVALID_ARGUMENT = 0x10,     /* a pointer, index or value outside what the function takes */
  STINT_NOT_BOUND = 0x11,            /* an input has no frame or was never given, or an input or
                                        output has no buffer */
  STINT_SHAPE_MISMATCH = 0x12,       /* found: bytes or extent given; needed: what the plan says */
  STINT_UNSUPPORTED_FORMAT = 0x13,   /* pixel format or layout not handled */
  STINT_TRUNCATED_PLAN = 0x20,       /* found: bytes there; needed: bytes the header promises */
  STINT_NOT_A_PLAN = 0x21,           /* wrong magic */
  STINT_INCOMPATIBLE_VERSION = 0x22, /* found: the file's major version; needed: this library's */
  STINT_UNKNOWN_FEATURE = 0x23,      /* found: feature bits this library does not know */
  STINT_CORRUPT_PLAN = 0x24,         /* structure, ranges or indices are wrong */
  STINT_CHECKSUM_MISMATCH = 0x25,    /* found: segment index (-1: the flatbuffer) */
  STINT_NO_SUCH_TARGET = 0x30,       /* the plan holds no variant of that name or kind */
  STINT_NO_SUCH_BATCH = 0x31,        /* found: batch asked for; needed: largest batch in the plan */
  STINT_INCOMPATIBLE_TARGET = 0x32,  /* found: this device's SM, or the limit of it that the message
                                        names; needed: the plan's */
  STINT_BLOCK_TOO_SMALL = 0x40,      /* found: bytes given; needed: bytes required */
  STINT_BLOCK_MISALIGNED = 0x41,     /* found: address modulo alignment; needed: alignment */
  STINT_THREAD_FAILED = 0x50,        /* found: errno of the failed call */
  STINT_FILE_FAILED = 0x51,          /* found: errno; only from the conveniences of engine.hpp */
  STINT_OUT_OF_MEMORY =
      0x52, /* needed: bytes asked for; only from the conveniences of engine.hpp */
  STINT_CUDA_UNAVAILABLE = 0x60, /* no driver, or no device; found: CUDA code */
  STINT_CUDA_FAILED = 0x61,      /* found: CUDA code; detail: the step, binding or slot, if one */
  STINT_DRIVER_TOO_OLD = 0x62 /* found: the driver's CUDA version, e.g. 12060; needed: the plan's */
};

/* `message` is a static string. `found` and `needed` are numbers that go with it (see the codes
 * above). */
typedef struct stint_status {
  uint32_t code;
  uint32_t detail; /* index of the thing concerned (step, tensor, binding), 0xFFFFFFFF if none */
  const char* message;
  int64_t found;
  int64_t needed;
} stint_status;

/* Name of a code, e.g. "corrupt-plan". Never NULL. */
STINT_API const char* stint_status_name(uint32_t code);

/* ---- plan ---- */

/* A verified plan. Lives where the caller puts it; refers to the caller's bytes, which must outlive
 * it and all its sessions, and must not change from stint_plan_open on: what was verified is read
 * again without a look, so that other bytes there end in a crash or worse. A file mapped from disk
 * changes when cp, scp or rsync --inplace writes over it: put a new one beside it and rename, or
 * keep a copy in memory. Opaque fields. */
typedef struct stint_plan {
  const void* bytes;
  uint64_t size;
  const void* root;
  const void* segments;
  uint64_t segment_count;
  uint64_t reserved[3];
} stint_plan;

/* Verifies the whole file (structure, ranges, checksums, every index) and fills `plan`. `bytes`
 * must be 64-byte aligned (an mmap is). Nothing of the plan is trusted before this returned OK. */
STINT_API STINT_NODISCARD stint_status stint_plan_open(const void* bytes, uint64_t size,
                                                       stint_plan* plan);

STINT_API const char* stint_plan_name(const stint_plan* plan);
STINT_API uint32_t stint_plan_label_count(const stint_plan* plan);
/* Label of a class, or "" beyond the labels the plan carries. */
STINT_API const char* stint_plan_label(const stint_plan* plan, uint32_t class_id);
/* Target variants: names such as "cpu" or "sm_87". */
STINT_API uint32_t stint_plan_target_count(const stint_plan* plan);
STINT_API const char* stint_plan_target_name(const stint_plan* plan, uint32_t index);
/* SM that the target's machine code runs on, e.g. 87; 0 for the CPU. */
STINT_API uint32_t stint_plan_target_sm(const stint_plan* plan, uint32_t index);
/* Batch sizes of a target, ascending. Writes at most `capacity`; returns how many there are (0: no
 * such target). */
STINT_API uint32_t stint_plan_batches(const stint_plan* plan, const char* target, uint32_t* batches,
                                      uint32_t capacity);

enum {
  STINT_DTYPE_F32 = 0,
  STINT_DTYPE_F16 = 1,
  STINT_DTYPE_F64 = 2,
  STINT_DTYPE_BF16 = 3,
  STINT_DTYPE_I8 = 4,
  STINT_DTYPE_U8 = 5,
  STINT_DTYPE_I16 = 6,
  STINT_DTYPE_U16 = 7,
  STINT_DTYPE_I32 = 8,
  STINT_DTYPE_U32 = 9,
  STINT_DTYPE_I64 = 10,
  STINT_DTYPE_U64 = 11,
  STINT_DTYPE_BOOL = 12
};

enum { STINT_BINDING_TENSOR = 0, STINT_BINDING_IMAGE = 1, STINT_BINDING_DETECTIONS = 2 };

/* What an input or output is. Tensors are dense, row-major, in the shape the model declared. */
typedef struct stint_binding_info {
  const char* name; /* owned by the plan */
  uint32_t kind;    /* STINT_BINDING_* */
  uint32_t dtype;   /* STINT_DTYPE_*; tensors only */
  uint32_t rank;
  int64_t shape[8];
  uint64_t bytes; /* of the whole batch; 0 for images */
  uint32_t width; /* images: size of the network input, pixels; frames may have other sizes */
  uint32_t height;
} stint_binding_info;

/* Inputs and outputs are numbered separately, from 0. `target` NULL: the first variant that runs on
 * the CPU. */
STINT_API uint32_t stint_plan_input_count(const stint_plan* plan, const char* target,
                                          uint32_t batch);
STINT_API uint32_t stint_plan_output_count(const stint_plan* plan, const char* target,
                                           uint32_t batch);
STINT_API STINT_NODISCARD stint_status stint_plan_input(const stint_plan* plan, const char* target,
                                                        uint32_t batch, uint32_t index,
                                                        stint_binding_info* info);
STINT_API STINT_NODISCARD stint_status stint_plan_output(const stint_plan* plan, const char* target,
                                                         uint32_t batch, uint32_t index,
                                                         stint_binding_info* info);

/* ---- memory ---- */

enum {
  STINT_SPACE_SESSION = 0, /* runtime structures, worker stacks and scratch; host */
  STINT_SPACE_ARENA = 1,   /* activations and workspaces; host */
  STINT_SPACE_IO =
      2, /* default buffers of inputs and outputs; host; may be omitted if all are bound */
  STINT_SPACE_DEVICE = 3, /* CUDA: everything on the GPU; memory of the session's device, as from
                             cuMemAlloc, cudaMalloc or stint_cuda_allocate */
  STINT_SPACE_COUNT = 4
};

typedef struct stint_requirement {
  uint64_t bytes;
  uint64_t alignment;
} stint_requirement;
typedef struct stint_requirements {
  stint_requirement space[STINT_SPACE_COUNT];
} stint_requirements;
typedef struct stint_block {
  void* data;
  uint64_t bytes;
} stint_block;
typedef struct stint_memory {
  stint_block space[STINT_SPACE_COUNT];
} stint_memory;

/* All zero: the defaults. `device` and `frame_bytes` concern CUDA targets, `threads` the others. */
typedef struct stint_options {
  uint32_t threads; /* CPU threads per run, the caller's included, at most 256; 0 or 1: run in the
                       caller's thread only */
  uint32_t profile; /* non-zero: keep the time of every step. On CUDA the steps then run one after
                       the other with a time stamp between them, about 1 us slower each */
  uint32_t device;  /* ordinal of the CUDA device. The session lives in the calling thread's current
                       context if that belongs to the device, else it retains the device's primary
                       context until it is destroyed. Later calls may come from any thread */
  uint32_t reserved;    /* must be 0 */
  uint64_t frame_bytes; /* room on the device for each frame bound from host memory, strides
                           included; 0: 1920 * 1080 * 4 */
} stint_options;

/* Exact bytes per memory space for one session; everything the session will ever use is in them. */
STINT_API STINT_NODISCARD stint_status stint_plan_requirements(const stint_plan* plan,
                                                               const char* target, uint32_t batch,
                                                               const stint_options* options,
                                                               stint_requirements* out);

/* ---- session ---- */

typedef struct stint_session stint_session; /* lies inside the session block */

/* Builds a session in the caller's blocks, which must outlive it, as must the plan. Starts threads
 * - 1 workers. On failure nothing is left behind. Blocks that overlap each other or the plan's
 * bytes are refused; blocks of another live session are not recognised: the caller keeps them
 * apart. */
STINT_API STINT_NODISCARD stint_status stint_session_create(const stint_plan* plan,
                                                            const char* target, uint32_t batch,
                                                            const stint_options* options,
                                                            const stint_memory* memory,
                                                            stint_session** session);
/* Joins the workers. The blocks are the caller's again. NULL is allowed. While the session block is
 * still there, later calls with this session answer STINT_INVALID_ARGUMENT (or NULL), and
 * destroying it once more does nothing. */
STINT_API void stint_session_destroy(stint_session* session);

enum {
  STINT_FORMAT_NV12 = 0,
  STINT_FORMAT_I420 = 1,
  STINT_FORMAT_RGB = 2,
  STINT_FORMAT_BGR = 3,
  STINT_FORMAT_RGBX = 4,
  STINT_FORMAT_BGRX = 5,
  STINT_FORMAT_GRAY8 = 6,
  STINT_FORMAT_RGBA = 7,
  STINT_FORMAT_BGRA = 8
};
enum { STINT_MATRIX_BT601 = 0, STINT_MATRIX_BT709 = 1 };
enum { STINT_RANGE_LIMITED = 0, STINT_RANGE_FULL = 1 };

/* A frame in the caller's memory, which must stay valid until the run that reads it returned.
 * Strides in bytes, at least a row's; negative ones (bottom-up pictures) are refused. */
typedef struct stint_image {
  const void* planes[3];
  int32_t strides[3];
  uint32_t width; /* pixels, 1 to 32768, as height */
  uint32_t height;
  uint32_t format; /* STINT_FORMAT_* */
  uint32_t matrix; /* STINT_MATRIX_*, of NV12 and I420 */
  uint32_t range;  /* STINT_RANGE_*, of NV12, I420 and GRAY8 */
  /* Part of the frame to use, pixels; 0 x 0 means all of it. Results are in coordinates of the
   * whole frame. */
  uint32_t crop_x, crop_y, crop_width, crop_height;
} stint_image;

/* Replaces the default buffer. `bytes` must equal the binding's size; `data` 64-byte aligned. NULL
 * restores the default. On CUDA `data` may be device memory: kernels then use it in place, and
 * nothing is copied. Do not bind while an enqueued run is under way. Bound buffers must overlap
 * neither each other nor the plan's bytes nor the session's blocks: that is not checked. */
STINT_API STINT_NODISCARD stint_status stint_bind_input(stint_session* session, uint32_t index,
                                                        const void* data, uint64_t bytes);
STINT_API STINT_NODISCARD stint_status stint_bind_output(stint_session* session, uint32_t index,
                                                         void* data, uint64_t bytes);
/* Binds the frame of one batch slot of an image input. The struct is copied, the pixels are not. On
 * CUDA all planes may lie in device memory and are then read in place; otherwise every run uploads
 * them, and a frame of more than options.frame_bytes is STINT_SHAPE_MISMATCH. */
STINT_API STINT_NODISCARD stint_status stint_bind_image(stint_session* session, uint32_t index,
                                                        uint32_t slot, const stint_image* image);

/* Where an input or output lies now (the default buffer or what was bound). NULL for images.
 * Default buffers hold what the I/O block held: an input that was neither bound nor asked for here
 * makes runs fail with STINT_NOT_BOUND. */
STINT_API void* stint_input_data(stint_session* session, uint32_t index);
STINT_API const void* stint_output_data(stint_session* session, uint32_t index);

/* Runs the program once, blocking. Allocates nothing. Slots without a frame run on the last frame
 * bound to them, or, if there never was one, fail with STINT_NOT_BOUND; use stint_set_active_slots
 * for partial batches. Indices that a network computes or is given (Gather) are clamped to their
 * axis. */
STINT_API STINT_NODISCARD stint_status stint_run(stint_session* session);
/* Number of leading batch slots that matter (1..batch); frames and results of the others are
 * ignored. Default: batch. */
STINT_API STINT_NODISCARD stint_status stint_set_active_slots(stint_session* session,
                                                              uint32_t slots);

/* CUDA only (elsewhere STINT_INVALID_ARGUMENT): starts a run behind the work already in `stream`, a
 * CUstream of the session's context or NULL for the session's own, and returns. Nothing is copied
 * through pageable memory: every input, output and frame must lie on the device or in pinned host
 * memory (cuMemHostAlloc, stint_cuda_allocate), the I/O block too unless all are bound. Runs of one
 * session must not overlap: use one stream, or order them. New frames or limits wait for the run
 * before. Sessions with a profile cannot enqueue. */
STINT_API STINT_NODISCARD stint_status stint_enqueue(stint_session* session, void* stream);
/* Waits for the last enqueued run, whose stream must still exist; then its outputs and detections
 * can be read. No-op if none is under way. */
STINT_API STINT_NODISCARD stint_status stint_synchronize(stint_session* session);

/* One detected object, in pixels of the source frame. Classifiers give the whole frame as the box.
 */
typedef struct stint_detection {
  float x1, y1, x2, y2, score;
  int32_t class_id;
} stint_detection;

/* Detections of a batch slot after a run, best first; valid until the next run. None before the
 * first run and in slots that are not active.
 * STINT_INVALID_ARGUMENT if the plan has no detections output. */
STINT_API STINT_NODISCARD stint_status stint_detections(const stint_session* session, uint32_t slot,
                                                        const stint_detection** detections,
                                                        uint32_t* count);
/* Overrides the plan's limits for later runs; a negative value (0 for max_detections) keeps the
 * plan's own. */
STINT_API STINT_NODISCARD stint_status stint_set_detection_limits(stint_session* session,
                                                                  float score_threshold,
                                                                  float iou_threshold,
                                                                  uint32_t max_detections);

/* ---- CUDA devices ---- */

typedef struct stint_cuda_device_info {
  char name[128];
  uint32_t sm;             /* e.g. 87: runs plans with a target sm_87 */
  uint32_t driver_version; /* CUDA version the driver supports, e.g. 12060 */
  uint32_t multiprocessors;
  uint64_t memory_bytes;
} stint_cuda_device_info;

/* What a device is. STINT_CUDA_UNAVAILABLE without a driver or such a device. Makes no context. */
STINT_API STINT_NODISCARD stint_status stint_cuda_device(uint32_t ordinal,
                                                         stint_cuda_device_info* info);

enum { STINT_CUDA_DEVICE_MEMORY = 0, STINT_CUDA_PINNED_MEMORY = 1 };

/* Memory from the driver, for programs that do not link CUDA themselves. Keeps its context alive.
 * Opaque but for `data`. */
typedef struct stint_cuda_memory {
  void* data;
  uint64_t bytes;
  void* context;
  uint32_t device;
  uint32_t kind;
  uint32_t retained;
} stint_cuda_memory;

/* Allocates in the context that a session with options.device = `device` would use on this thread.
 * `kind` is STINT_CUDA_DEVICE_MEMORY or STINT_CUDA_PINNED_MEMORY; the address is 256-byte aligned.
 */
STINT_API STINT_NODISCARD stint_status stint_cuda_allocate(uint32_t device, uint32_t kind,
                                                           uint64_t bytes,
                                                           stint_cuda_memory* memory);
STINT_API void stint_cuda_free(stint_cuda_memory* memory);
/* Copies between host and device memory, either way, and waits for it. One of the two lies in
 * `memory`, which says the context. */
STINT_API STINT_NODISCARD stint_status stint_cuda_copy(const stint_cuda_memory* memory, void* to,
                                                       const void* from, uint64_t bytes);

/* ---- profile ---- */

typedef struct stint_step_profile {
  const char* name; /* of the layer, or of the kernel if the plan has no names */
  const char* kernel;
  uint64_t runs;
  uint64_t total_ns;
  uint64_t min_ns;
} stint_step_profile;

/* Copies the profile of up to `capacity` steps; `count` gets the number of steps. Needs
 * options.profile. */
STINT_API STINT_NODISCARD stint_status stint_profile_read(const stint_session* session,
                                                          stint_step_profile* steps,
                                                          uint32_t capacity, uint32_t* count);
STINT_API void stint_profile_reset(stint_session* session);

#ifdef __cplusplus
}
#endif
#endif /* STINT_STINT_H_ */
