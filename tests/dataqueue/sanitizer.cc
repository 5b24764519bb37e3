// The thread sanitizer does not know that pthread_mutex_timedlock may return EOWNERDEAD with the mutex locked, nor that
// a child made by fork() does not hold what its parent had locked.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
  return "mutex:robust_mutex.cc\n";
}
#endif
