/* Workers of your own: a program that a pool with a `command` keeps running, and that serves connection after
 * connection.
 *
 *   int main() {
 *     usher::Connections connections;
 *     while (auto connection = connections.take()) serve(connection->fd());
 *   }
 *
 * Model:  Usher's listener accepts, and one of the pool's workers that wait gets the connection, in the order of
 * arrival; there is no login. take() waits for the next one. It is empty when this worker is to go: the configuration
 * has changed, there are more workers than needed, it has had its `max_use`, or Usher stops. Then the program ends;
 * what it serves at that moment it serves to the end first, since SIGTERM, by which Usher asks, is kept for take()
 * unless the program has a handler of its own; a call that waits with a time-out of the socket's may then end with
 * EINTR. A program that ends otherwise is started anew; only its own connection is lost. Shape:  the descriptor is a
 * connected stream socket, blocking and close-on-exec. Errors: not_running when this process was not started by such a
 * pool. Thread: any number of threads may take; each then serves a connection of its own. Fork:   children are not
 * workers; what they inherit of a connection is theirs to close.
 */
#ifndef USHER_CONNECTIONS_H
#define USHER_CONNECTIONS_H

#include "usher/usher.h"

#ifdef __cplusplus
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "usher/error.h"

#pragma GCC visibility push(default)
namespace usher {

// Closes the connection, and counts it as served, when it goes.
class ClientConnection {
 public:
  ClientConnection(ClientConnection&& other) noexcept;
  ClientConnection& operator=(ClientConnection&& other) noexcept;
  ~ClientConnection();

  int fd() const noexcept;
  // The name of the listener that accepted it, and when.
  std::string listener() const;
  std::chrono::steady_clock::time_point accepted_at() const noexcept;
  // "192.0.2.7:40112": asked of the kernel. Errors: io when the connection is gone.
  std::string client() const;
  std::string local_address() const;
  // Takes the descriptor out: to be closed by the caller. It counts as served when this goes.
  int release() noexcept;

 private:
  friend class Connections;
  struct State;
  explicit ClientConnection(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

class Connections {
 public:
  Connections();
  Connections(Connections&&) noexcept;
  ~Connections();

  std::optional<ClientConnection> take();

 private:
  friend class ClientConnection;
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher
#pragma GCC visibility pop
#endif

/* NOLINTBEGIN(modernize-use-using): this is C */
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__)
#pragma GCC visibility push(default)
#endif

typedef struct usher_connections usher_connections;
typedef struct usher_connection usher_connection;

int usher_connections_open(usher_connections** connections);
/* USHER_NOTHING: this worker is to go. */
int usher_take_connection(usher_connections* connections, usher_connection** connection);
void usher_connections_close(usher_connections* connections);

int usher_connection_fd(const usher_connection* connection);
/* "192.0.2.7:40112"; ended by a zero byte, and cut when `size` is too small. */
int usher_connection_client(const usher_connection* connection, char* text, size_t size);
int usher_connection_listener(const usher_connection* connection, char* text, size_t size);
/* Closes it, and counts it as served. */
void usher_connection_done(usher_connection* connection);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
/* NOLINTEND(modernize-use-using) */

#endif
