# Proofs about the runtime as a whole: no allocation, no forbidden symbol, no growth, no file that hurts.

# Replaces the allocator, which sanitizers do too.
if(NOT STINT_SANITIZE)
  add_executable(stint_noalloc_test noalloc/noalloc_test.cc noalloc/counting_allocator.cc)
  target_link_libraries(stint_noalloc_test PRIVATE stint_flags stint_core stint_test_support)
  add_test(NAME noalloc COMMAND stint_noalloc_test)
  set_tests_properties(noalloc PROPERTIES LABELS unit TIMEOUT 120)
endif()
