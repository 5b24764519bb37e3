// The dialog's lines, with telnet's commands in them: however the bytes are cut into pieces the same lines come out,
// and of what follows the last of them nothing is taken.
#include <vector>

#include "base/text.h"
#include "tests/fuzz/client_bytes.h"
#include "worker/line_reader.h"

using namespace usher;

namespace {

constexpr std::size_t kMaxInput = 4096;
constexpr std::size_t kMaxLine = 1024;

struct Heard {
  std::vector<std::string> lines;
  LineReader::Result end = LineReader::Result::line;
  bool speaks_telnet = false;
  std::string rest;

  bool operator==(const Heard&) const = default;
};

std::string text_of(const Secret& line) {
  const auto bytes = line.bytes();
  std::string text(bytes.begin(), bytes.end());
  fuzz::demand(text.size() <= kMaxLine && is_utf8(text) && text.find('\0') == text.npos,
               "a line is text, and not too long");
  return text;
}

Heard hear(std::string_view bytes, std::size_t piece, bool telnet, std::size_t lines) {
  fuzz::ClientBytes client(bytes, piece);
  PlainStream stream(client.fd());
  LineReader reader(stream, telnet);
  Heard heard;
  while (heard.lines.size() < lines) {
    heard.end = reader.read();
    if (heard.end == LineReader::Result::line) {
      heard.lines.push_back(text_of(reader.take()));
    } else if (heard.end != LineReader::Result::more || !client.send_more()) {
      break;
    }
  }
  heard.speaks_telnet = reader.speaks_telnet();
  heard.rest = client.rest();
  return heard;
}

// Commands at the very front are three bytes each, and nothing else goes with them.
void take_commands(std::string_view bytes, bool telnet) {
  fuzz::ClientBytes client(bytes, bytes.size());
  client.send_more();
  PlainStream stream(client.fd());
  LineReader reader(stream, telnet);
  std::size_t taken = 0;
  while (reader.take_telnet_command()) taken += 3;
  fuzz::demand(client.rest() == bytes.substr(taken), "telnet commands are taken whole, and nothing else");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::uint8_t flags = input.byte();
  const bool telnet = (flags & 1U) != 0;
  const std::size_t lines = 1 + ((flags >> 1U) & 7U);
  const std::size_t piece = 1 + input.byte();
  const std::string_view bytes = input.bytes(kMaxInput);
  const Heard whole = hear(bytes, kMaxInput, telnet, lines);
  fuzz::demand(whole == hear(bytes, piece, telnet, lines), "pieces make no difference to lines");
  fuzz::demand(bytes.ends_with(whole.rest), "what follows the lines is left");
  take_commands(bytes, telnet);
  return 0;
}
