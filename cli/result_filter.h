// Tells a program's bytes from the result line that ends the stream, while they come.
//
// Model:  the server ends a program's output with CR LF and one line, "103 TEXT" or "902 status N" or "902 signal
// NAME", and
//         closes. Only the end of the stream tells that line from one that looks like it in the middle of the data, so
//         the longest suffix that could still be it is held back, and nothing else.
// Shape:  any bytes, in pieces of any size.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace usher {

class ResultFilter {
 public:
  // What can be given on now.
  std::string pass(std::string_view bytes);

  struct End {
    std::string rest;           // the program's, held back until now
    std::optional<int> status;  // 0..255, or 128+N for signal N; empty when the stream had no result line
  };
  // The stream is over.
  End finish();

 private:
  std::string held_;
};

}  // namespace usher
