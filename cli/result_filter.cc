#include "cli/result_filter.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdint>

#include "base/reply.h"
#include "base/signal_name.h"

namespace usher {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kEnded = "103 ";
constexpr std::string_view kStatus = "902 status ";
constexpr std::string_view kSignal = "902 signal ";
constexpr std::size_t kMaxStatus = 3;  // digits
constexpr std::size_t kMaxSignal = 16;
constexpr std::size_t kMaxResult = 2 * kLineEnd.size() + kEnded.size() + kMaxReplyText;
constexpr int kSignalStatus = 128;  // what shells add to the number of a signal

enum class Match { no, begun, whole };

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_in_signal_name(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || c == '+';
}
bool is_text(char c) {
  return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
}

// `line` begins with `start` and goes on with 1..most characters that fit; `least` 0 allows none.
bool is_line(std::string_view line, std::string_view start, std::size_t least, std::size_t most, bool (*fits)(char)) {
  if (!line.starts_with(start)) return false;
  line.remove_prefix(start.size());
  return line.size() >= least && line.size() <= most && std::all_of(line.begin(), line.end(), fits);
}

// A status as a process can have it.
bool is_status_line(std::string_view line, std::size_t least) {
  if (!is_line(line, kStatus, least, kMaxStatus, is_digit)) return false;
  std::uint8_t status = 0;
  return std::from_chars(line.data() + kStatus.size(), line.data() + line.size(), status).ec != std::errc::result_out_of_range;
}

bool is_result_line(std::string_view line, std::size_t least) {
  return is_line(line, kEnded, 0, kMaxReplyText, is_text) || is_status_line(line, least) ||
         is_line(line, kSignal, least, kMaxSignal, is_in_signal_name);
}

// Could more bytes make a result line of it?
bool may_become_result_line(std::string_view line) {
  return kEnded.starts_with(line) || kStatus.starts_with(line) || kSignal.starts_with(line) || is_result_line(line, 0);
}

// Is the whole of `text` CR LF, a result line, CR LF, or the beginning of that?
Match match(std::string_view text) {
  if (text.size() > kMaxResult) return Match::no;
  if (text.size() <= kLineEnd.size()) return kLineEnd.starts_with(text) ? Match::begun : Match::no;
  if (!text.starts_with(kLineEnd)) return Match::no;
  const std::string_view rest = text.substr(kLineEnd.size());
  const std::string_view line = rest.substr(0, rest.find('\r'));
  const std::string_view end = rest.substr(line.size());
  if (end.empty()) return may_become_result_line(line) ? Match::begun : Match::no;
  if (!is_result_line(line, 1) || !kLineEnd.starts_with(end)) return Match::no;
  return end == kLineEnd ? Match::whole : Match::begun;
}

int signal_number(std::string_view name) {
  for (int number = 1; number < NSIG; ++number) {
    if (signal_name(number) == name) return number;
  }
  return 0;
}

int status_of(std::string_view line) {
  if (line.starts_with(kEnded)) return 0;
  if (line.starts_with(kSignal)) return kSignalStatus + signal_number(line.substr(kSignal.size()));
  int status = 0;
  std::from_chars(line.data() + kStatus.size(), line.data() + line.size(), status);
  return status;
}

}  // namespace

std::string ResultFilter::pass(std::string_view bytes) {
  held_ += bytes;
  std::size_t kept = held_.find('\r');
  while (kept != held_.npos && match(std::string_view(held_).substr(kept)) == Match::no)
    kept = held_.find('\r', kept + 1);
  std::string passed = held_.substr(0, kept);
  held_.erase(0, passed.size());
  return passed;
}

ResultFilter::End ResultFilter::finish() {
  End end;
  if (match(held_) == Match::whole) {
    end.status = status_of(std::string_view(held_).substr(kLineEnd.size(), held_.size() - 2 * kLineEnd.size()));
  } else {
    end.rest = std::move(held_);
  }
  held_.clear();
  return end;
}

}  // namespace usher
