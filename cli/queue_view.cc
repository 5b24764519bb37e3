#include "cli/queue_view.h"

#include <Poco/JSON/JSONException.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <charconv>
#include <ctime>
#include <ostream>

#include "base/clock.h"
#include "base/text.h"
#include "dataqueue/entry_time.h"
#include "dataqueue/queue_record.h"

namespace usher {
namespace {

using Poco::Dynamic::Var;
using Poco::JSON::Object;

constexpr std::int64_t kMicroseconds = 1'000'000;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::invalid_argument, what);
}

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return hex;
}

unsigned digit_of(char c, const char* what) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
  refuse(std::string(what) + ": takes hexadecimal digits, two a byte");
}

Var text_or_null(std::string_view bytes) {
  return is_utf8(bytes) ? Var(std::string(bytes)) : Var();
}

std::string_view without_padding(std::string_view key) {
  return key.substr(0, key.find_last_not_of('\0') + 1);
}

// "2026-11-20T11:43:02.123456Z"
std::string stamp_of(std::chrono::system_clock::time_point time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch();
  const std::int64_t us = microseconds_of(time) - second / std::chrono::microseconds(1);
  std::string stamp = rfc3339(second / std::chrono::milliseconds(1));
  std::string digits = std::to_string(kMicroseconds + us).substr(1);
  return stamp.substr(0, stamp.find('.') + 1) + digits + "Z";
}

std::chrono::system_clock::time_point time_in(const std::string& stamp) {
  tm utc{};
  const char* rest = ::strptime(stamp.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  const std::string_view fraction = rest == nullptr ? "" : rest;
  int us = 0;
  const bool whole = fraction.size() == 8 && fraction.front() == '.' && fraction.back() == 'Z' &&
                     std::from_chars(fraction.data() + 1, fraction.data() + 7, us).ptr == fraction.data() + 7;
  if (!whole || us < 0) refuse("enqueued: is no time like 2026-11-20T11:43:02.123456Z");
  const std::int64_t since_1970_us = std::int64_t{timegm(&utc)} * kMicroseconds + us;
  if (since_1970_us < kEarliestEntry || since_1970_us > kLatestEntry) refuse("enqueued: is not between 1678 and 2261");
  return time_of(since_1970_us);
}

std::optional<std::string> text_in(const Object& object, const char* name) {
  if (!object.has(name) || object.isNull(name)) return std::nullopt;
  if (!object.get(name).isString()) refuse(std::string(name) + ": is no text");
  return object.getValue<std::string>(name);
}

// From "NAME_hex", else from "NAME".
std::optional<std::string> bytes_in(const Object& object, const char* name) {
  const std::string hex_name = std::string(name) + "_hex";
  if (const auto hex = text_in(object, hex_name.c_str())) return bytes_of_hex(*hex, hex_name.c_str());
  return text_in(object, name);
}

std::optional<Sender> sender_in(const Object& object) {
  if (!object.has("sender") || object.isNull("sender")) return std::nullopt;
  const Object::Ptr sender = object.getObject("sender");
  if (sender.isNull()) refuse("sender: is no object");
  return Sender{text_in(*sender, "job").value_or(""), text_in(*sender, "current_user").value_or("")};
}

Entry entry_in(const Object& object) {
  Entry entry;
  const auto data = bytes_in(object, "data");
  if (!data) refuse("data_hex or data: is missing");
  entry.data = *data;
  entry.key = bytes_in(object, "key").value_or("");
  entry.sender = sender_in(object);
  const auto enqueued = text_in(object, "enqueued");
  entry.enqueued = enqueued ? time_in(*enqueued) : std::chrono::system_clock::now();
  if (object.has("deliveries")) entry.deliveries = object.getValue<std::uint32_t>("deliveries");
  return entry;
}

Object object_of(const Entry& entry) {
  Object object(Poco::JSON_PRESERVE_KEY_ORDER);
  object.set("data", text_or_null(entry.data));
  object.set("data_hex", hex_of(entry.data));
  object.set("key", entry.key.empty() ? Var() : text_or_null(without_padding(entry.key)));
  object.set("key_hex", entry.key.empty() ? Var() : Var(hex_of(entry.key)));
  Object::Ptr sender = entry.sender ? new Object(Poco::JSON_PRESERVE_KEY_ORDER) : nullptr;
  if (entry.sender) {
    sender->set("job", printable(entry.sender->job));
    sender->set("current_user", printable(entry.sender->current_user));
  }
  object.set("sender", entry.sender ? Var(sender) : Var());
  object.set("enqueued", stamp_of(entry.enqueued));
  object.set("deliveries", entry.deliveries);
  object.set("number", entry.number);
  return object;
}

// Attributes under the names of their options.
Object object_of(const QueueDescription& queue, const std::string& library) {
  const QueueAttributes& attributes = queue.attributes;
  Object object(Poco::JSON_PRESERVE_KEY_ORDER);
  object.set("library", printable(library));
  object.set("name", queue.name);
  object.set("sequence", name_of(attributes.sequence));
  object.set("key-length", attributes.key_length);
  object.set("max-length", attributes.max_length);
  object.set("max-entries", attributes.max_entries);
  object.set("sender-id", attributes.sender_id);
  object.set("force", attributes.force);
  object.set("text", attributes.text);
  object.set("max-deliveries", attributes.max_deliveries);
  object.set("dead-letter", attributes.dead_letter);
  object.set("entries", queue.entries);
  object.set("bytes", queue.bytes);
  object.set("oldest", queue.oldest ? Var(stamp_of(*queue.oldest)) : Var());
  object.set("waiters", queue.waiters);
  object.set("leased", queue.leased);
  Poco::JSON::Array::Ptr holders = new Poco::JSON::Array;
  for (const pid_t holder : queue.lease_holders) holders->add(holder);
  object.set("lease-holders", holders);
  return object;
}

}  // namespace

void print(const Entry& entry, EntryForm form, std::ostream& out) {
  switch (form) {
    case EntryForm::bytes: out << entry.data; break;
    case EntryForm::hex: out << hex_of(entry.data); break;
    case EntryForm::json: object_of(entry).stringify(out); break;
  }
  out << '\n';
}

Entry parse_entry(const std::string& json) try {
  const Var parsed = Poco::JSON::Parser().parse(json);
  if (parsed.type() != typeid(Object::Ptr)) refuse("is no JSON object");
  return entry_in(*parsed.extract<Object::Ptr>());
} catch (const Poco::Exception& error) {
  refuse("is no JSON object of an entry: " + error.message());
}

void print_json(const QueueDescription& queue, const std::string& library, std::ostream& out) {
  object_of(queue, library).stringify(out);
  out << '\n';
}

void print_details(const QueueDescription& queue, const std::string& library, std::ostream& out) {
  const Object object = object_of(queue, library);
  for (const std::string& name : object.getNames()) {
    const Var value = object.get(name);
    if (value.isEmpty()) continue;
    out << name << ": " << (value.isString() ? printable(value.convert<std::string>()) : Var::toString(value)) << '\n';
  }
}

std::string bytes_of_hex(const std::string& hex, const char* what) {
  if (hex.size() % 2 != 0) refuse(std::string(what) + ": takes hexadecimal digits, two a byte");
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(digit_of(hex[i], what) * 16 + digit_of(hex[i + 1], what));
  }
  return bytes;
}

}  // namespace usher
