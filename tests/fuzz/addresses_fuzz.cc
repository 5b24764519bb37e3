// What people write for addresses, networks and jobs, a line each: it is refused, or means what it says.
#include "base/endpoint.h"
#include "base/job_id.h"
#include "base/listen_address.h"
#include "base/network.h"
#include "tests/fuzz/fuzz.h"

using namespace usher;

namespace {

std::string text_of(const ListenAddress& address) {
  return address.is_unix() ? "unix:" + address.path : endpoint_from(address.storage, address.length).text();
}

std::optional<ListenAddress> check_listen_address(std::string_view text) {
  std::string_view objection;
  auto address = parse_listen_address(text, &objection);
  fuzz::demand(address.has_value() == objection.empty(), "an address that is refused is refused for a reason");
  if (!address) return address;
  const auto again = parse_listen_address(text_of(*address));
  fuzz::demand(again && text_of(*again) == text_of(*address), "an address is read as it is shown");
  fuzz::demand(address->clashes_with(*again) == (address->is_unix() || address->port != 0),
               "an address clashes with itself");
  fuzz::demand(address->is_unix() || address->with_port(7).port == 7, "a port can be changed");
  return address;
}

std::optional<Endpoint> check_endpoint(std::string_view host) {
  auto endpoint = endpoint_of(host, 7);
  if (!endpoint) return endpoint;
  fuzz::demand(endpoint_of(endpoint->host, 7).has_value(), "an address is read as it is shown");
  fuzz::demand(Network::parse(endpoint->network()).has_value(), "the network of an address is one");
  return endpoint;
}

void check_job(std::string_view hex) {
  const auto id = JobId::from_hex(hex);
  if (id) fuzz::demand(JobId::from_hex(id->hex()) == id, "a job's id is read as it is shown");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view first = input.until('\n');
  const std::string_view second = input.until('\n');
  const auto one = check_listen_address(first);
  const auto other = check_listen_address(second);
  if (one && other) fuzz::demand(one->clashes_with(*other) == other->clashes_with(*one), "both clash, or none");
  const auto network = Network::parse(first);
  const auto endpoint = check_endpoint(second);
  if (network && endpoint) (void)network->contains(*endpoint);
  check_job(first);
  return 0;
}
