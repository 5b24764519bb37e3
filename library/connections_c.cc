// The C side of usher/connections.h.
#include "usher/connections.h"

#include <cstdio>

#include "dataqueue/c_api/handles.h"

struct usher_connections {
  usher::Connections connections;
};

struct usher_connection {
  usher::ClientConnection connection;
};

using namespace usher;
using namespace usher::c_api;

namespace {

int put_text(const std::string& text, char* into, std::size_t size) {
  if (size == 0) throw Error(ErrorCode::invalid_argument, "size: is 0");
  std::snprintf(&given(into, "text"), size, "%s", text.c_str());
  return USHER_OK;
}

}  // namespace

int usher_connections_open(usher_connections** connections) {
  return guarded([&] {
    given(connections, "connections") = nullptr;
    *connections = new usher_connections{Connections()};
    return USHER_OK;
  });
}

int usher_take_connection(usher_connections* connections, usher_connection** connection) {
  return guarded([&] {
    given(connection, "connection") = nullptr;
    auto taken = given(connections, "connections").connections.take();
    if (!taken) return USHER_NOTHING;
    *connection = new usher_connection{std::move(*taken)};
    return USHER_OK;
  });
}

void usher_connections_close(usher_connections* connections) {
  delete connections;
}

int usher_connection_fd(const usher_connection* connection) {
  return connection->connection.fd();
}

int usher_connection_client(const usher_connection* connection, char* text, size_t size) {
  return guarded([&] { return put_text(given(connection, "connection").connection.client(), text, size); });
}

int usher_connection_listener(const usher_connection* connection, char* text, size_t size) {
  return guarded([&] { return put_text(given(connection, "connection").connection.listener(), text, size); });
}

void usher_connection_done(usher_connection* connection) {
  delete connection;
}
