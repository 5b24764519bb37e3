// A worker of a pool of Usher that echoes a line.
#include "tests/bench/echo_line.h"
#include "usher/connections.h"

int main() {
  usher::Connections connections;
  while (const auto connection = connections.take()) usher::bench::echo_line(connection->fd());
  return 0;
}
