// What the C API's handles hold, and how its calls end: no exception leaves them.
#pragma once

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "usher/data_queue.h"
#include "usher/usher.h"

struct usher_library {
  usher::Library library;
};

struct usher_queue {
  usher::DataQueue queue;
};

struct usher_entry {
  usher::Entry entry;
};

struct usher_lease {
  usher::Lease lease;
  usher_entry entry;
};

struct usher_watch {
  usher::Watch watch;
};

struct usher_transaction {
  usher::Transaction transaction;
};

namespace usher::c_api {

// Notes the text for this thread.
int note_failure(ErrorCode code, const char* text) noexcept;

inline int failed(const Error& error) noexcept {
  return note_failure(error.code(), error.what());
}

// `call` returns USHER_OK or USHER_NOTHING.
template <class Call>
int guarded(Call call) noexcept {
  try {
    return call();
  } catch (const Error& error) {
    return failed(error);
  } catch (const std::bad_alloc&) {
    return note_failure(ErrorCode::io, "out of memory");
  } catch (const std::exception& error) {
    return note_failure(ErrorCode::io, error.what());
  } catch (...) {
    return note_failure(ErrorCode::io, "an unknown error");
  }
}

// Errors: invalid_argument when it is null.
template <class T>
T& given(T* argument, const char* name) {
  if (argument == nullptr) throw Error(ErrorCode::invalid_argument, std::string(name) + ": is null");
  return *argument;
}

std::string_view bytes_at(const void* bytes, std::size_t length, const char* name);
std::optional<Key> key_at(const void* key, std::size_t length);
std::optional<KeySelection> selection_of(const usher_selection* which);
Wait wait_of(double seconds) noexcept(false);

// Gives the entry to the caller.
int hand_out(std::optional<Entry> entry, usher_entry** out);

}  // namespace usher::c_api
