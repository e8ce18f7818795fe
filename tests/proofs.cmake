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
