/* Stint runtime, C API 1.0.
 *
 * Open a plan, make an engine of one of its targets (what all sessions share: on a GPU the weights
 * and the machine code), and sessions of its programs (one per batch size, or one per thread). Ask
 * before each what memory it needs, give that memory, bind inputs, run, read outputs:
 *
 *   stint_plan plan;
 *   stint_plan_open(bytes, size, &plan);
 *   stint_options options = STINT_OPTIONS_INIT;
 *   options.threads = 2;
 *
 *   stint_requirements need = STINT_REQUIREMENTS_INIT;
 *   stint_memory memory = STINT_MEMORY_INIT;
 *   stint_engine_requirements(&plan, NULL, &options, &need);
 *   ... memory.space[i]: a block of at least need.space[i].bytes ...
 *   stint_engine* engine;
 *   stint_engine_create(&plan, NULL, &options, &memory, &engine);
 *
 *   stint_program program;
 *   stint_plan_program(&plan, NULL, 1, &program);
 *   stint_program_requirements(&program, &options, &need);
 *   ... blocks of the session's own ...
 *   stint_session* session;
 *   stint_session_create(engine, &program, &options, &memory, &session);
 *
 *   stint_bind_image(session, 0, 0, &frame);
 *   stint_run(session);
 *   stint_detection_list found = STINT_DETECTION_LIST_INIT;
 *   stint_detections(session, 0, &found);
 *
 *   stint_session_destroy(session);
 *   stint_engine_destroy(engine);
 *
 * No function here allocates, but for stint_cuda_allocate. On a GPU the driver allocates when an
 * engine or a session is created (code, graphs, a context), never later.
 *
 * Structs: those that may grow begin with `struct_size`, which the caller sets to the size it was
 * compiled with: begin with the macro STINT_..._INIT, not with zeros. The library then reads and
 * writes that much and no more. What an older caller's struct lacks has its default, 0; what a
 * newer caller's has beyond this library is filled with 0, or, where it goes into the library, must
 * be 0: else the call answers STINT_INVALID_ARGUMENT (found: struct_size; needed: this library's)
 * instead of ignoring a wish. A size too small for the struct's first fields is refused the same
 * way. Structs without struct_size never change.
 *
 * Enumerations: fields that hold one are uint32_t, so that their size is the same everywhere.
 *
 * Threads: a plan and its programs are read only. An engine may be used by any number of threads at
 * once to create, run and destroy its sessions. A session is used by one thread at a time;
 * different sessions are independent. Every function returns a status, or says what else; `code` 0
 * is success.
 *
 * Stack: a thread that calls these functions needs 64 KiB of it (stint_plan_open takes 24 KiB, the
 * kernels less). Workers have stacks of their own in the session's host block. Arithmetic expects
 * the rounding mode of a fresh thread (to nearest).
 *
 * fork(): plans live on in the child, engines and sessions hardly do. In the child a CPU session
 * runs on the calling thread alone, and only if no run was under way at the fork; engines and
 * sessions on a CUDA device answer STINT_INVALID_ARGUMENT. Destroying any of them there returns at
 * once and leaves the parent's untouched (unless the blocks are shared memory: then only the parent
 * may use them).
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

/* The release, as plans and programs name it. */
#define STINT_VERSION_STRING "0.1.0"
/* Of this interface: major * 10000 + minor * 100 + patch. Programs compiled with one major version
 * run with every library of that major version, older or newer. */
#define STINT_API_VERSION 10000

/* STINT_API_VERSION and STINT_VERSION_STRING of the library that runs. */
STINT_API uint32_t stint_version(void);
STINT_API const char* stint_version_string(void);

/* Error codes come in bands: 0x1x the call, 0x2x the plan file, 0x3x the target, 0x4x memory, 0x5x
 * the system, 0x6x CUDA. */
typedef enum stint_code {
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
  STINT_NO_SUCH_TARGET = 0x30,       /* the plan holds no variant of that name or kind; found: the
                                        SM of the device it was looked for, 0 if none */
  STINT_NO_SUCH_BATCH = 0x31,        /* found: batch asked for; needed: largest batch in the plan */
  STINT_INCOMPATIBLE_TARGET = 0x32,  /* found: this device's SM, or the limit of it that the message
                                        names; needed: the plan's */
  STINT_BLOCK_TOO_SMALL = 0x40,      /* found: bytes given; needed: bytes required */
  STINT_BLOCK_MISALIGNED = 0x41,     /* found: address modulo alignment; needed: alignment */
  STINT_THREAD_FAILED = 0x50,        /* found: errno of the failed call */
  STINT_FILE_FAILED = 0x51,          /* found: errno; only from the conveniences of engine.hpp */
  STINT_OUT_OF_MEMORY = 0x52,    /* needed: bytes asked for; only from stint_cuda_allocate and the
                                    conveniences of engine.hpp */
  STINT_CUDA_UNAVAILABLE = 0x60, /* no driver, or no device; found: CUDA code */
  STINT_CUDA_FAILED = 0x61,      /* found: CUDA code */
  STINT_DRIVER_TOO_OLD = 0x62 /* found: the driver's CUDA version, e.g. 12060; needed: the plan's */
} stint_code;

/* What `detail` of a status counts, always from 0. */
typedef enum stint_detail_kind {
  STINT_DETAIL_NONE = 0,
  STINT_DETAIL_STEP = 1,    /* of the program, in the plan's order: as in the profile */
  STINT_DETAIL_TENSOR = 2,  /* of the program */
  STINT_DETAIL_BINDING = 3, /* of the program, inputs and outputs together; only from
                               stint_plan_open */
  STINT_DETAIL_INPUT = 4,   /* as stint_bind_input counts them */
  STINT_DETAIL_OUTPUT = 5,
  STINT_DETAIL_SLOT = 6,    /* of the batch */
  STINT_DETAIL_PLANE = 7,   /* of a frame */
  STINT_DETAIL_SPACE = 8,   /* a stint_space */
  STINT_DETAIL_SEGMENT = 9, /* of the plan file */
  STINT_DETAIL_TARGET = 10, /* of the plan */
  STINT_DETAIL_ARENA = 11,  /* of the program */
  STINT_DETAIL_EDGE = 12,   /* of the program */
  STINT_DETAIL_THREAD = 13  /* of the session */
} stint_detail_kind;

/* `message` is a static string. `found` and `needed` are numbers that go with it (see the codes
 * above). Returned by value, and so of this size for good. */
typedef struct stint_status {
  uint32_t code;        /* stint_code */
  uint32_t detail_kind; /* stint_detail_kind */
  uint32_t detail;      /* index of the thing concerned, 0xFFFFFFFF if none */
  uint32_t reserved;    /* 0 */
  const char* message;
  int64_t found;
  int64_t needed;
} stint_status;

/* Name of a stint_code, e.g. "corrupt-plan"; "unknown" for other numbers. Never NULL. */
STINT_API const char* stint_status_name(uint32_t code);
/* Name of a stint_detail_kind, e.g. "step"; "item" for other numbers. Never NULL. */
STINT_API const char* stint_detail_name(uint32_t detail_kind);

/* ---- plan ---- */

/* A verified plan. Lives where the caller puts it, may be copied; refers to the caller's bytes,
 * which must outlive it, its programs, its engines and all their sessions, and must not change from
 * stint_plan_open on: what was verified is read again without a look, so that other bytes there end
 * in a crash or worse. A file mapped from disk changes when cp, scp or rsync --inplace writes over
 * it: put a new one beside it and rename, or keep a copy in memory. Opaque fields. */
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

/* "" and 0 of a plan that was not opened. */
STINT_API const char* stint_plan_name(const stint_plan* plan);
STINT_API uint32_t stint_plan_label_count(const stint_plan* plan);
/* Label of a class, or "" beyond the labels the plan carries. */
STINT_API const char* stint_plan_label(const stint_plan* plan, uint32_t class_id);

/* ---- targets ---- */

typedef enum stint_device_kind {
  STINT_DEVICE_CPU = 0,
  STINT_DEVICE_CUDA = 1,
  STINT_DEVICE_ANY = 2 /* to choose a target only */
} stint_device_kind;

/* A variant of the plan, for one kind of device. */
typedef struct stint_target_info {
  uint32_t struct_size;
  uint32_t index;      /* among the plan's targets */
  const char* name;    /* such as "cpu" or "sm_87"; owned by the plan */
  uint32_t kind;       /* stint_device_kind: STINT_DEVICE_CPU or STINT_DEVICE_CUDA */
  uint32_t sm;         /* CUDA: SM that the machine code runs on, e.g. 87; else 0 */
  uint32_t min_driver; /* CUDA: version the driver must support, e.g. 12060; else 0 */
  uint32_t device;     /* from stint_plan_choose_target: ordinal of the CUDA device; else 0 */
} stint_target_info;
#define STINT_TARGET_INFO_INIT \
  { (uint32_t)sizeof(stint_target_info), 0, NULL, 0, 0, 0, 0 }

STINT_API STINT_NODISCARD stint_status stint_plan_target_count(const stint_plan* plan,
                                                               uint32_t* count);
STINT_API STINT_NODISCARD stint_status stint_plan_target(const stint_plan* plan, uint32_t index,
                                                         stint_target_info* info);

/* The plan's first target for a device: for the CPU, for the CUDA device `ordinal` (one whose
 * machine code is for that device's SM), or, with STINT_DEVICE_ANY, for the first CUDA device that
 * the plan holds machine code for, else for the CPU (`ordinal` is ignored). `info->name` and
 * `info->device` are what stint_engine_create takes. STINT_NO_SUCH_TARGET if there is none;
 * STINT_CUDA_UNAVAILABLE if there is no such device, or, with STINT_DEVICE_ANY, no device at all
 * for a plan without a target for the CPU. Whether the driver is new enough is seen when an engine
 * is created. */
STINT_API STINT_NODISCARD stint_status stint_plan_choose_target(const stint_plan* plan,
                                                                stint_device_kind kind,
                                                                uint32_t ordinal,
                                                                stint_target_info* info);

/* Batch sizes of a target, ascending. Writes at most `capacity`; `count` gets how many there are.
 * `target` NULL, here and below: the first variant that runs on the CPU. */
STINT_API STINT_NODISCARD stint_status stint_plan_batches(const stint_plan* plan,
                                                          const char* target, uint32_t* batches,
                                                          uint32_t capacity, uint32_t* count);

/* ---- program ---- */

/* The network of one target at one batch size. Lives where the caller puts it, may be copied; valid
 * as long as the plan's bytes are. Opaque fields. */
typedef struct stint_program {
  stint_plan plan;
  const void* variant;
  const void* program;
  uint64_t reserved[2];
} stint_program;

STINT_API STINT_NODISCARD stint_status stint_plan_program(const stint_plan* plan,
                                                          const char* target, uint32_t batch,
                                                          stint_program* program);

typedef struct stint_program_info {
  uint32_t struct_size;
  uint32_t batch;
  uint32_t input_count; /* inputs and outputs are numbered separately, from 0 */
  uint32_t output_count;
  const char* target; /* name of its target; owned by the plan */
} stint_program_info;
#define STINT_PROGRAM_INFO_INIT \
  { (uint32_t)sizeof(stint_program_info), 0, 0, 0, NULL }

STINT_API STINT_NODISCARD stint_status stint_program_describe(const stint_program* program,
                                                              stint_program_info* info);

typedef enum stint_dtype {
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
} stint_dtype;

typedef enum stint_binding_kind {
  STINT_BINDING_TENSOR = 0,
  STINT_BINDING_IMAGE = 1,
  STINT_BINDING_DETECTIONS = 2
} stint_binding_kind;

/* What an input or output is. Tensors are dense, row-major, in the shape the model declared. */
typedef struct stint_binding_info {
  uint32_t struct_size;
  uint32_t index;     /* among the inputs, or among the outputs */
  const char* name;   /* owned by the plan */
  uint32_t kind;      /* stint_binding_kind */
  uint32_t dtype;     /* stint_dtype; tensors only */
  uint32_t rank;      /* of `shape`; 0 for images */
  uint32_t quantized; /* 1: the elements stand for real numbers (element - zero_point) * scale;
                         0: they are what they are, and scale is 1, zero_point 0 */
  int64_t shape[8];
  uint64_t bytes; /* of the whole batch; 0 for images */
  uint32_t width; /* images: size of the network input, pixels; frames may have other sizes */
  uint32_t height;
  float scale;
  int32_t zero_point;
} stint_binding_info;
#define STINT_BINDING_INFO_INIT \
  { (uint32_t)sizeof(stint_binding_info), 0, NULL, 0, 0, 0, 0, {0}, 0, 0, 0, 0, 0 }

/* By index, or by name: the model's own, compared as bytes; `info->index` then says which it is.
 * STINT_INVALID_ARGUMENT if there is none (by index: needed: how many there are). */
STINT_API STINT_NODISCARD stint_status stint_program_input(const stint_program* program,
                                                           uint32_t index,
                                                           stint_binding_info* info);
STINT_API STINT_NODISCARD stint_status stint_program_output(const stint_program* program,
                                                            uint32_t index,
                                                            stint_binding_info* info);
STINT_API STINT_NODISCARD stint_status stint_program_find_input(const stint_program* program,
                                                                const char* name,
                                                                stint_binding_info* info);
STINT_API STINT_NODISCARD stint_status stint_program_find_output(const stint_program* program,
                                                                 const char* name,
                                                                 stint_binding_info* info);

/* ---- memory ---- */

typedef enum stint_space {
  STINT_SPACE_HOST = 0,  /* runtime structures, worker stacks and scratch; host */
  STINT_SPACE_ARENA = 1, /* activations and workspaces; host */
  STINT_SPACE_IO =
      2, /* default buffers of inputs and outputs; host; may be omitted if all are bound */
  STINT_SPACE_DEVICE = 3 /* CUDA: everything on the GPU; memory of the engine's device, as from
                            cuMemAlloc, cudaMalloc or stint_cuda_allocate */
} stint_space;

/* Room for the spaces there may be; those that nobody uses need 0 bytes. A program that gives every
 * space what it needs is ready for later ones, of memory on the host. */
#define STINT_MAX_SPACES 8

typedef struct stint_requirement {
  uint64_t bytes;
  uint64_t alignment; /* a power of two, at least 64, also where no bytes are needed */
} stint_requirement;
typedef struct stint_requirements {
  uint32_t struct_size;
  uint32_t space_count; /* spaces that this library knows; those from there on need 0 bytes */
  stint_requirement space[STINT_MAX_SPACES]; /* by stint_space */
} stint_requirements;
#define STINT_REQUIREMENTS_INIT                \
  {                                            \
    (uint32_t)sizeof(stint_requirements), 0, { \
      { 0, 0 }                                 \
    }                                          \
  }

typedef struct stint_block {
  void* data;
  uint64_t bytes;
} stint_block;
typedef struct stint_memory {
  uint32_t struct_size;
  uint32_t reserved;                   /* must be 0 */
  stint_block space[STINT_MAX_SPACES]; /* by stint_space */
} stint_memory;
#define STINT_MEMORY_INIT                \
  {                                      \
    (uint32_t)sizeof(stint_memory), 0, { \
      { NULL, 0 }                        \
    }                                    \
  }

/* Of an engine and of its sessions: each reads what concerns it, so that one struct will do. All
 * zero but struct_size: the defaults. */
typedef struct stint_options {
  uint32_t struct_size;
  uint32_t threads; /* session, CPU: threads per run, the caller's included, at most 256; 0 or
                       1: run in the caller's thread only */
  uint32_t profile; /* session: non-zero: keep the time of every step. On CUDA the steps then run
                       one after the other with a time stamp between them, about 1 us slower
                       each */
  uint32_t device;  /* engine, CUDA: ordinal of the device. Engine and sessions live in the
                       context that is current in the thread that creates the engine, if it
                       belongs to the device, else in the device's primary context, which the
                       engine retains until it is destroyed. Calls may come from any thread */
  uint64_t frame_bytes; /* session, CUDA: room on the device for each frame bound from host memory,
                           strides included; 0: 1920 * 1080 * 4 */
} stint_options;
#define STINT_OPTIONS_INIT \
  { (uint32_t)sizeof(stint_options), 0, 0, 0, 0 }

/* ---- engine ---- */

typedef struct stint_engine stint_engine; /* lies inside its host block */

/* Exact bytes per memory space for what the sessions of one target share: on a CUDA device the
 * weights of all its programs, once, and the handles of its machine code. On the CPU the weights
 * stay in the plan's bytes. `options` NULL, here and below: the defaults. */
STINT_API STINT_NODISCARD stint_status stint_engine_requirements(const stint_plan* plan,
                                                                 const char* target,
                                                                 const stint_options* options,
                                                                 stint_requirements* need);

/* Builds an engine in the caller's blocks, which must outlive it, as must the plan's bytes; the
 * plan struct need not. On CUDA: checks device and driver, loads the machine code of all programs
 * of the target and copies the weights. On failure nothing is left behind. Blocks that overlap each
 * other or the plan's bytes are refused; blocks of another live engine or session are not
 * recognised: the caller keeps them apart. */
STINT_API STINT_NODISCARD stint_status stint_engine_create(const stint_plan* plan,
                                                           const char* target,
                                                           const stint_options* options,
                                                           const stint_memory* memory,
                                                           stint_engine** engine);
/* The blocks are the caller's again. With sessions alive it does nothing and answers
 * STINT_INVALID_ARGUMENT (found: how many). NULL is allowed. While the host block is still there,
 * later calls with this engine answer STINT_INVALID_ARGUMENT, and destroying it once more does
 * nothing. */
STINT_API stint_status stint_engine_destroy(stint_engine* engine);

/* ---- session ---- */

typedef struct stint_session stint_session; /* lies inside its host block */

/* Exact bytes per memory space for one session; with its engine's, everything it will ever use. */
STINT_API STINT_NODISCARD stint_status stint_program_requirements(const stint_program* program,
                                                                  const stint_options* options,
                                                                  stint_requirements* need);

/* Builds a session in the caller's blocks, which must outlive it, as must the engine. `program` is
 * one of the engine's plan and target; it is copied. Starts threads - 1 workers. On failure nothing
 * is left behind. Blocks that overlap each other, the engine's or the plan's bytes are refused;
 * blocks of another live session are not recognised: the caller keeps them apart. */
STINT_API STINT_NODISCARD stint_status stint_session_create(stint_engine* engine,
                                                            const stint_program* program,
                                                            const stint_options* options,
                                                            const stint_memory* memory,
                                                            stint_session** session);
/* Joins the workers, waits for an enqueued run. The blocks are the caller's again. NULL is allowed.
 * While the host block is still there, later calls with this session answer STINT_INVALID_ARGUMENT
 * (or NULL), and destroying it once more does nothing. */
STINT_API void stint_session_destroy(stint_session* session);

typedef enum stint_format {
  STINT_FORMAT_NV12 = 0,
  STINT_FORMAT_I420 = 1,
  STINT_FORMAT_RGB = 2,
  STINT_FORMAT_BGR = 3,
  STINT_FORMAT_RGBX = 4,
  STINT_FORMAT_BGRX = 5,
  STINT_FORMAT_GRAY8 = 6,
  STINT_FORMAT_RGBA = 7,
  STINT_FORMAT_BGRA = 8
} stint_format;
typedef enum stint_matrix { STINT_MATRIX_BT601 = 0, STINT_MATRIX_BT709 = 1 } stint_matrix;
typedef enum stint_range { STINT_RANGE_LIMITED = 0, STINT_RANGE_FULL = 1 } stint_range;

/* A frame in the caller's memory, which must stay valid until the run that reads it returned.
 * Strides in bytes, at least a row's; negative ones (bottom-up pictures) are refused. */
typedef struct stint_image {
  uint32_t struct_size;
  uint32_t format; /* stint_format */
  const void* planes[3];
  int32_t strides[3];
  uint32_t width; /* pixels, 1 to 32768, as height */
  uint32_t height;
  uint32_t matrix; /* stint_matrix, of NV12 and I420 */
  uint32_t range;  /* stint_range, of NV12, I420 and GRAY8 */
  /* Part of the frame to use, pixels; 0 x 0 means all of it. Results are in coordinates of the
   * whole frame. */
  uint32_t crop_x, crop_y, crop_width, crop_height;
  uint32_t reserved; /* must be 0 */
} stint_image;
#define STINT_IMAGE_INIT \
  { (uint32_t)sizeof(stint_image), 0, {NULL}, {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Replaces the default buffer. `bytes` must equal the binding's size; `data` 64-byte aligned. NULL
 * restores the default. On CUDA `data` may be device memory: kernels then use it in place, and
 * nothing is copied. Do not bind while an enqueued run is under way. Bound buffers must overlap
 * neither each other nor the plan's bytes nor the blocks of engine and sessions: that is not
 * checked. */
STINT_API STINT_NODISCARD stint_status stint_bind_input(stint_session* session, uint32_t index,
                                                        const void* data, uint64_t bytes);
STINT_API STINT_NODISCARD stint_status stint_bind_output(stint_session* session, uint32_t index,
                                                         void* data, uint64_t bytes);
/* Binds the frame of one batch slot of an image input. The struct is copied, the pixels are not. On
 * CUDA all planes may lie in device memory and are then read in place; otherwise every run uploads
 * them, and a frame of more than options.frame_bytes is STINT_SHAPE_MISMATCH. */
STINT_API STINT_NODISCARD stint_status stint_bind_image(stint_session* session, uint32_t index,
                                                        uint32_t slot, const stint_image* image);

/* Where an input or output lies now (the default buffer or what was bound). NULL for images, for an
 * index that is none, and where there is no buffer. Default buffers hold what the I/O block held:
 * an input that was neither bound nor asked for here makes runs fail with STINT_NOT_BOUND. */
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
 * CUstream of the engine's context or NULL for the session's own, and returns. Nothing is copied
 * through pageable memory: every input, output and frame must lie on the device or in pinned host
 * memory (cuMemHostAlloc, stint_cuda_allocate), the I/O block too unless all are bound. Runs of one
 * session must not overlap: use one stream, or order them. New frames or limits wait for the run
 * before. Sessions with a profile cannot enqueue.
 *
 * Three ways to learn that it is complete: wait (stint_synchronize), ask (stint_poll), or let
 * another stream wait on the device (stint_completion_event). */
STINT_API STINT_NODISCARD stint_status stint_enqueue(stint_session* session, void* stream);
/* Waits for the last enqueued run; then its outputs and detections can be read. The stream need not
 * exist any more. No-op if none is under way, as always on the CPU. */
STINT_API STINT_NODISCARD stint_status stint_synchronize(stint_session* session);
/* The same without waiting: `done` gets 1 if the last enqueued run is complete (its outputs and
 * detections can then be read) or none is under way, else 0. An error if the run failed. The first
 * call that finds detections complete fetches how many there are: some 10 us. */
STINT_API STINT_NODISCARD stint_status stint_poll(stint_session* session, uint32_t* done);
/* CUDA only (elsewhere STINT_INVALID_ARGUMENT): a CUevent that every stint_enqueue records behind
 * its run and the copies of its outputs, for cuStreamWaitEvent in other streams. The session's own:
 * neither record nor destroy it. It lives as long as the session. Before the first stint_enqueue it
 * counts as complete. */
STINT_API STINT_NODISCARD stint_status stint_completion_event(stint_session* session, void** event);

/* One detected object, in pixels of the source frame. Classifiers give the whole frame as the box.
 */
typedef struct stint_detection {
  float x1, y1, x2, y2, score;
  int32_t class_id;
} stint_detection;

/* Detections of a batch slot, in memory of the session. */
typedef struct stint_detection_list {
  uint32_t struct_size;
  uint32_t count;
  const stint_detection* first; /* NULL if there are none */
  uint64_t stride; /* bytes from one to the next: rows of later plans may be longer; use
                      stint_detection_at */
} stint_detection_list;
#define STINT_DETECTION_LIST_INIT \
  { (uint32_t)sizeof(stint_detection_list), 0, NULL, 0 }

/* `index` must be below `list->count`. */
static inline const stint_detection* stint_detection_at(const stint_detection_list* list,
                                                        uint32_t index) {
  return (const stint_detection*)(const void*)((const char*)(const void*)list->first +
                                               list->stride * index);
}

/* Detections of a batch slot after a run, best first; valid until the next run. None before the
 * first run and in slots that are not active.
 * STINT_INVALID_ARGUMENT if the plan has no detections output. */
STINT_API STINT_NODISCARD stint_status stint_detections(const stint_session* session, uint32_t slot,
                                                        stint_detection_list* list);
/* Overrides the plan's limits for later runs; a negative value (0 for max_detections) keeps the
 * plan's own. */
STINT_API STINT_NODISCARD stint_status stint_set_detection_limits(stint_session* session,
                                                                  float score_threshold,
                                                                  float iou_threshold,
                                                                  uint32_t max_detections);

/* ---- CUDA devices ---- */

typedef struct stint_cuda_device_info {
  uint32_t struct_size;
  uint32_t sm;             /* e.g. 87: runs plans with a target sm_87 */
  uint32_t driver_version; /* CUDA version the driver supports, e.g. 12060 */
  uint32_t multiprocessors;
  uint64_t memory_bytes;
  char name[128];
} stint_cuda_device_info;
#define STINT_CUDA_DEVICE_INFO_INIT                             \
  {                                                             \
    (uint32_t)sizeof(stint_cuda_device_info), 0, 0, 0, 0, { 0 } \
  }

/* What a device is. STINT_CUDA_UNAVAILABLE without a driver or such a device. Makes no context. */
STINT_API STINT_NODISCARD stint_status stint_cuda_device(uint32_t ordinal,
                                                         stint_cuda_device_info* info);

typedef enum stint_cuda_memory_kind {
  STINT_CUDA_DEVICE_MEMORY = 0,
  STINT_CUDA_PINNED_MEMORY = 1
} stint_cuda_memory_kind;

/* Memory from the driver, for programs that do not link CUDA themselves. Keeps its context alive.
 * Opaque but for `data` and `bytes`; stint_cuda_allocate takes no size of it but this one. */
typedef struct stint_cuda_memory {
  uint32_t struct_size;
  uint32_t kind; /* stint_cuda_memory_kind */
  void* data;
  uint64_t bytes;
  void* context;
  uint32_t device;
  uint32_t retained;
} stint_cuda_memory;
#define STINT_CUDA_MEMORY_INIT \
  { (uint32_t)sizeof(stint_cuda_memory), 0, NULL, 0, NULL, 0, 0 }

/* Allocates in the context that an engine with options.device = `device` would use on this thread.
 * The address is 256-byte aligned. */
STINT_API STINT_NODISCARD stint_status stint_cuda_allocate(uint32_t device,
                                                           stint_cuda_memory_kind kind,
                                                           uint64_t bytes,
                                                           stint_cuda_memory* memory);
/* Nothing is freed twice: `memory` is empty afterwards. */
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

/* Copies the profile of up to `capacity` steps into an array whose elements are `step_size` =
 * sizeof(stint_step_profile) bytes apart (treated like a struct_size); `count` gets the number of
 * steps. Needs options.profile. */
STINT_API STINT_NODISCARD stint_status stint_profile_read(const stint_session* session,
                                                          stint_step_profile* steps,
                                                          uint32_t step_size, uint32_t capacity,
                                                          uint32_t* count);
STINT_API void stint_profile_reset(stint_session* session);

#ifdef __cplusplus
}
#endif
#endif /* STINT_STINT_H_ */
