#include "dataqueue/c_api/handles.h"

#include <array>
#include <cstring>

namespace usher::c_api {
namespace {

thread_local std::array<char, 512> failure{};

}  // namespace

int note_failure(ErrorCode code, const char* text) noexcept {
  std::strncpy(failure.data(), text, failure.size() - 1);
  return static_cast<int>(code);
}

std::string_view bytes_at(const void* bytes, std::size_t length, const char* name) {
  if (length == 0) return {};
  return {static_cast<const char*>(&given(static_cast<const char*>(bytes), name)), length};
}

std::optional<Key> key_at(const void* key, std::size_t length) {
  if (key == nullptr) return std::nullopt;
  const auto* bytes = static_cast<const char*>(key);
  return length == USHER_TEXT_KEY ? Key::text(bytes) : Key::bytes({bytes, length});
}

std::optional<KeySelection> selection_of(const usher_selection* which) {
  if (which == nullptr) return std::nullopt;
  if (which->order < USHER_EQ || which->order > USHER_GE) {
    throw Error(ErrorCode::invalid_argument, "order: " + std::to_string(which->order) + " is none");
  }
  given(static_cast<const char*>(which->key), "key");
  return KeySelection{static_cast<KeyOrder>(which->order), *key_at(which->key, which->key_length)};
}

Wait wait_of(double seconds) {
  return std::chrono::duration<double>(seconds);
}

int hand_out(std::optional<Entry> entry, usher_entry** out) {
  if (!entry) return USHER_NOTHING;
  *out = new usher_entry{std::move(*entry)};
  return USHER_OK;
}

}  // namespace usher::c_api

const char* usher_error_name(int result) {
  if (result == USHER_OK) return "ok";
  if (result == USHER_NOTHING) return "nothing";
  if (result < USHER_OK || result > USHER_JOB_NOT_FOUND) return "unknown";
  return usher::name_of(static_cast<usher::ErrorCode>(result));
}

const char* usher_error_text() {
  return usher::c_api::failure.data();
}
