// A proxy's header: however its bytes are cut into pieces the same is read, and nothing of what follows it is taken.
#include "base/network.h"
#include "tests/fuzz/client_bytes.h"
#include "worker/proxy_header.h"

using namespace usher;

namespace {

constexpr std::size_t kMaxInput = 4096;

struct Heard {
  ProxyHeader::Result result = ProxyHeader::Result::more;
  std::string host;
  std::uint16_t port = 0;
  std::string rest;

  bool operator==(const Heard&) const = default;
};

Heard hear(std::string_view bytes, std::size_t piece) {
  fuzz::ClientBytes client(bytes, piece);
  ProxyHeader header(client.fd());
  Heard heard;
  do heard.result = header.read();
  while (heard.result == ProxyHeader::Result::more && client.send_more());
  if (heard.result == ProxyHeader::Result::whole) {
    heard.host = header.host();
    heard.port = header.port();
  }
  heard.rest = client.rest();
  return heard;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece = 1 + input.byte();
  const std::string_view bytes = input.bytes(kMaxInput);
  const Heard whole = hear(bytes, kMaxInput);
  fuzz::demand(whole.result != ProxyHeader::Result::more, "a header comes to an end with the client's bytes");
  fuzz::demand(whole == hear(bytes, piece), "pieces make no difference to a header");
  fuzz::demand(bytes.ends_with(whole.rest), "what follows the header is left");
  fuzz::demand(whole.host.empty() || endpoint_of(whole.host, whole.port), "whom a proxy names has a numeric address");
  (void)ProxyHeader::is_line_of_one(bytes);
  return 0;
}
