# Proofs about the runtime as a whole: no allocation, no forbidden symbol, no growth, no file that hurts.

# Replaces the allocator, which sanitizers do too.
if(NOT STINT_SANITIZE)
  add_executable(stint_noalloc_test noalloc/noalloc_test.cc noalloc/counting_allocator.cc)
  target_link_libraries(stint_noalloc_test PRIVATE stint_flags stint_core stint_test_support)
  add_test(NAME noalloc COMMAND stint_noalloc_test)
  set_tests_properties(noalloc PROPERTIES LABELS unit TIMEOUT 120)
endif()

# A fuzz program NAME_fuzz from fuzz/NAME_fuzz.cc and the driver, and a short run of it as a test. The full run:
#   build/asan/bin/NAME_fuzz --count 100000 [CORPUS]
function(stint_fuzz name smoke_count)
  add_executable(${name}_fuzz fuzz/${name}_fuzz.cc fuzz/driver.cc fuzz/mutator.cc)
  target_link_libraries(${name}_fuzz PRIVATE stint_flags ${ARGN})
  add_test(NAME fuzz/${name} COMMAND ${name}_fuzz --count ${smoke_count} --seconds 60)
  set_tests_properties(fuzz/${name} PROPERTIES LABELS fuzz-smoke TIMEOUT 300)
endfunction()

stint_fuzz(plan 5000 stint_core stint_test_support)

if(NOT STINT_SANITIZE)
  add_test(NAME symbols COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/symbols/check_symbols
           $<TARGET_FILE:stint_core> $<TARGET_FILE:stint_kernels_cpu>)
  set_tests_properties(symbols PROPERTIES LABELS unit)
  # The check itself: a library full of allocations must not pass.
  add_test(NAME symbols_finds_allocations COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/symbols/check_symbols
           $<TARGET_FILE:stint_test_support>)
  set_tests_properties(symbols_finds_allocations PROPERTIES LABELS unit WILL_FAIL ON)
endif()

# The interface in plain C, and the sizes of its structs.
add_executable(stint_c_interface_test c_interface/c_interface_test.c)
set_target_properties(stint_c_interface_test PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF LINKER_LANGUAGE CXX)
target_compile_options(stint_c_interface_test PRIVATE -Wall -Wextra -pedantic -Werror)
target_link_libraries(stint_c_interface_test PRIVATE stint_core)
add_test(NAME c_interface COMMAND stint_c_interface_test)
set_tests_properties(c_interface PROPERTIES LABELS unit)

# Programs and libraries for users hold no path of where they were built.
if(TARGET stint)
  set(for_users $<TARGET_FILE:stint> $<TARGET_FILE:stint-agent> $<TARGET_FILE:stint_core> $<TARGET_FILE:stint_kernels_cpu>)
  if(STINT_GSTREAMER)
    list(APPEND for_users $<TARGET_FILE:gststint>)
  endif()
  if(NOT STINT_SANITIZE)
    add_test(NAME paths COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/symbols/check_paths ${CMAKE_SOURCE_DIR} ${for_users})
    # The check itself: a file that names the source tree must not pass.
    add_test(NAME paths_finds_source COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/symbols/check_paths ${CMAKE_SOURCE_DIR}
             ${CMAKE_BINARY_DIR}/CMakeCache.txt)
    set_tests_properties(paths paths_finds_source PROPERTIES LABELS unit)
    set_tests_properties(paths_finds_source PROPERTIES WILL_FAIL ON)
  endif()
endif()

# Stripped size of the smallest program that uses the runtime, linked without the C++ library.
function(stint_size_test name limit)
  add_executable(stint_${name}_size size/size_test.c ${ARGN})
  target_include_directories(stint_${name}_size PRIVATE ${CMAKE_SOURCE_DIR})
  target_compile_options(stint_${name}_size PRIVATE -ffunction-sections -fdata-sections
                         $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti>)
  target_link_libraries(stint_${name}_size PRIVATE stint_core m)
  target_link_options(stint_${name}_size PRIVATE -Wl,--gc-sections -Wl,--build-id=none)
  set_target_properties(stint_${name}_size PROPERTIES LINKER_LANGUAGE C)
  add_test(NAME size/${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/size/check_size $<TARGET_FILE:stint_${name}_size>
           ${limit})
  set_tests_properties(size/${name} PROPERTIES LABELS unit)
endfunction()
if(NOT STINT_SANITIZE AND CMAKE_BUILD_TYPE STREQUAL Release)
  # Measured 2026-11-29 (x86-64, GCC 12): core with the CUDA runtime 95,512 bytes, a tenth of headroom; with every kernel at its
  # SIMD levels 2,303,512 bytes. Raised from 91,000: engines between plan and sessions, structs of any size, programs and
  # targets as handles, polling; from 1,530,000: products, pooling and programs on 8-bit integers, whose tiles have five levels.
  stint_size_test(runtime 2530000)
  stint_size_test(core 105000 size/no_kernels.cc)
endif()

if(STINT_BUILDER)
  add_executable(make_plan_corpus fuzz/make_plan_corpus.cc)
  target_link_libraries(make_plan_corpus PRIVATE stint_flags stint_builder)
endif()

if(STINT_BUILDER)
  stint_fuzz(onnx 1000 stint_builder ${ONNX_PROTO} protobuf::libprotobuf)
  target_compile_definitions(onnx_fuzz PRIVATE ONNX_ML=1 ONNX_NAMESPACE=onnx)
  stint_fuzz(caffe 1000 stint_builder protobuf::libprotobuf)
  stint_fuzz(tactics 5000 stint_builder)
  stint_fuzz(calibration 1500 stint_builder)
endif()
