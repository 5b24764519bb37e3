// One PAM transaction: from pam_start to pam_end, torn down in reverse on every path.
//
// Model:  started before the client is there; then set_client, authenticate, check_account, (change_password),
//         establish_credentials, open_session; close() or the destructor undoes what stands: session, credentials, handle.
//         While a call runs, modules talk through the Conversation given to it. What a conversation throws (client gone,
//         evicted) is kept from crossing libpam's C frames and thrown again when the call has returned.
// Shape:  results are PAM codes (PAM_SUCCESS = 0); text() says one in words.
// Source: pam(3), pam_start_confdir(3), pam_conv(3); order of login(1).
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

struct pam_handle;
struct pam_message;
struct pam_response;

namespace usher {

enum class Echo : std::uint8_t { off, on };
constexpr Echo last_of(Echo) { return Echo::on; }

enum class Tone : std::uint8_t { info, error };
constexpr Tone last_of(Tone) { return Tone::error; }

class Conversation {
 public:
  virtual ~Conversation() = default;
  virtual Secret ask(Echo echo, std::string_view prompt) = 0;
  virtual void tell(Tone tone, std::string_view text) = 0;
};

class PamTransaction {
 public:
  // Loads the service's modules. `directory`: where the service file is; empty: where libpam looks by itself.
  // Errors: Error(configuration) when libpam cannot start the service.
  PamTransaction(const std::string& service, const std::string& directory);
  PamTransaction(const PamTransaction&) = delete;
  PamTransaction& operator=(const PamTransaction&) = delete;
  ~PamTransaction() { close(); }

  // `remote_host` empty: not set (a client on a unix socket comes from nowhere).
  void set_client(const std::string& user, const std::string& remote_host, const std::string& tty);

  [[nodiscard]] int authenticate(Conversation& conversation);
  [[nodiscard]] int check_account(Conversation& conversation);
  [[nodiscard]] int change_password(Conversation& conversation);  // an expired one
  [[nodiscard]] int establish_credentials(Conversation& conversation);
  [[nodiscard]] int open_session(Conversation& conversation);

  // Who the modules say has logged in: not always who was asked for.
  std::string user() const;
  // "NAME=VALUE" of the modules' variables.
  std::vector<std::string> environment() const;
  std::string text(int code) const;
  // A call failed since a module could not be loaded when the handle was made; one made anew may find it.
  bool lacks_modules() const noexcept { return lacks_modules_; }

  // Closes the session, deletes the credentials, ends the handle. Texts of modules go nowhere now.
  void close() noexcept;

 private:
  using Call = int (*)(pam_handle*, int);

  int call(Call function, int flags, Conversation& conversation);
  static int converse(int count, const pam_message** messages, pam_response** responses, void* self);
  int answer(const pam_message& message, pam_response& response);

  pam_handle* handle_ = nullptr;
  Conversation* conversation_ = nullptr;
  std::exception_ptr failure_;
  int last_ = 0;
  bool has_credentials_ = false;
  bool has_session_ = false;
  bool lacks_modules_ = false;
};

}  // namespace usher
