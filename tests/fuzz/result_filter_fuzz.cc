// The bytes of a program and the result line behind them, as `usher login` takes them apart: pieces make no difference,
// and no byte is lost.
#include "cli/result_filter.h"
#include "tests/fuzz/fuzz.h"

using namespace usher;

namespace {

struct Filtered {
  std::string bytes;
  std::optional<int> status;
  bool operator==(const Filtered&) const = default;
};

Filtered filter(std::string_view bytes, std::size_t piece) {
  ResultFilter filter;
  Filtered filtered;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    filtered.bytes += filter.pass(bytes.substr(0, piece));
  ResultFilter::End end = filter.finish();
  filtered.bytes += end.rest;
  filtered.status = end.status;
  return filtered;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t piece = 1 + input.byte();
  const std::string_view bytes = input.rest();
  const Filtered whole = filter(bytes, bytes.size() + 1);
  fuzz::demand(whole == filter(bytes, piece), "pieces make no difference to what a program says");
  fuzz::demand(bytes.starts_with(whole.bytes), "a program's bytes come as they are");
  fuzz::demand(whole.status || whole.bytes == bytes, "only a result line is held back");
  fuzz::demand(!whole.status || bytes.substr(whole.bytes.size()).starts_with("\r\n"),
               "a result line begins with a line end");
  fuzz::demand(!whole.status || (*whole.status >= 0 && *whole.status <= 255), "a status is one of a process");
  return 0;
}
