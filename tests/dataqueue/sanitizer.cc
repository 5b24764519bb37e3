// The thread sanitizer does not know that pthread_mutex_timedlock may return EOWNERDEAD with the mutex locked.
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "mutex:usher::RobustMutex::unlock\n"; }
#endif
