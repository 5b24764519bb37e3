#include "auth/pam_transaction.h"

#include <security/pam_appl.h>
#include <stdlib.h>
#include <string.h>

#include <memory>
#include <span>
#include <utility>

#include "usher/error.h"

namespace usher {
namespace {

// A refusal leaves at its own time, so modules that ask for a delay get none here. Also called on success.
void no_delay(int /*result*/, unsigned /*microseconds*/, void* /*appdata*/) {}

// A copy that libpam frees; empty when there is no memory.
char* c_string(std::span<const std::uint8_t> bytes) {
  auto* copy = static_cast<char*>(malloc(bytes.size() + 1));
  if (copy == nullptr) return nullptr;
  if (!bytes.empty()) memcpy(copy, bytes.data(), bytes.size());
  copy[bytes.size()] = '\0';
  return copy;
}

void wipe_and_free(pam_response* responses, int count) {
  for (pam_response& response : std::span(responses, static_cast<std::size_t>(count))) {
    if (response.resp != nullptr) explicit_bzero(response.resp, strlen(response.resp));
    free(response.resp);
  }
  free(responses);
}

}  // namespace

PamTransaction::PamTransaction(const std::string& service, const std::string& directory) {
  const pam_conv conversation{&PamTransaction::converse, this};
  last_ = directory.empty()
              ? pam_start(service.c_str(), nullptr, &conversation, &handle_)
              : pam_start_confdir(service.c_str(), nullptr, &conversation, directory.c_str(), &handle_);
  if (last_ != PAM_SUCCESS) {
    throw Error(ErrorCode::configuration,
                "the PAM service \"" + service + "\" cannot be started: " + pam_strerror(nullptr, last_));
  }
  union {
    void (*function)(int, unsigned, void*);
    const void* item;
  } delay{};
  delay.function = no_delay;
  last_ = pam_set_item(handle_, PAM_FAIL_DELAY, delay.item);
}

void PamTransaction::set_client(const std::string& user, const std::string& remote_host, const std::string& tty) {
  const auto set = [&](int item, const std::string& value) {
    last_ = pam_set_item(handle_, item, value.c_str());
    if (last_ != PAM_SUCCESS) throw Error(ErrorCode::io, "PAM does not take an item: " + text(last_));
  };
  set(PAM_USER, user);
  set(PAM_TTY, tty);
  if (!remote_host.empty()) set(PAM_RHOST, remote_host);
}

int PamTransaction::authenticate(Conversation& conversation) {
  return call(pam_authenticate, PAM_DISALLOW_NULL_AUTHTOK, conversation);
}

int PamTransaction::check_account(Conversation& conversation) {
  return call(pam_acct_mgmt, PAM_DISALLOW_NULL_AUTHTOK, conversation);
}

int PamTransaction::change_password(Conversation& conversation) {
  return call(pam_chauthtok, PAM_CHANGE_EXPIRED_AUTHTOK, conversation);
}

// What was begun is undone: the calls that undo are made even when the one that does failed half-way in a module.
int PamTransaction::establish_credentials(Conversation& conversation) {
  has_credentials_ = true;
  return call(pam_setcred, PAM_ESTABLISH_CRED, conversation);
}

int PamTransaction::open_session(Conversation& conversation) {
  has_session_ = true;
  return call(pam_open_session, 0, conversation);
}

std::string PamTransaction::user() const {
  const void* name = nullptr;
  if (pam_get_item(handle_, PAM_USER, &name) != PAM_SUCCESS || name == nullptr) return {};
  return static_cast<const char*>(name);
}

std::vector<std::string> PamTransaction::environment() const {
  std::vector<std::string> variables;
  char** list = pam_getenvlist(handle_);
  if (list == nullptr) return variables;
  for (char** variable = list; *variable != nullptr; ++variable) {
    variables.emplace_back(*variable);
    free(*variable);
  }
  free(list);
  return variables;
}

std::string PamTransaction::text(int code) const { return pam_strerror(handle_, code); }

void PamTransaction::close() noexcept {
  if (handle_ == nullptr) return;
  conversation_ = nullptr;
  if (std::exchange(has_session_, false)) last_ = pam_close_session(handle_, 0);
  if (std::exchange(has_credentials_, false)) last_ = pam_setcred(handle_, PAM_DELETE_CRED);
  pam_end(std::exchange(handle_, nullptr), last_);
}

int PamTransaction::call(Call function, int flags, Conversation& conversation) {
  conversation_ = &conversation;
  last_ = function(handle_, flags);
  conversation_ = nullptr;
  lacks_modules_ = lacks_modules_ || last_ == PAM_MODULE_UNKNOWN || last_ == PAM_OPEN_ERR || last_ == PAM_SYMBOL_ERR;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  return last_;
}

int PamTransaction::converse(int count, const pam_message** messages, pam_response** responses, void* self) {
  auto* transaction = static_cast<PamTransaction*>(self);
  if (count <= 0 || count > PAM_MAX_NUM_MSG) return PAM_CONV_ERR;
  auto* answers = static_cast<pam_response*>(calloc(static_cast<std::size_t>(count), sizeof(pam_response)));
  if (answers == nullptr) return PAM_BUF_ERR;
  for (int i = 0; i < count; ++i) {
    const int result = transaction->answer(*messages[i], answers[i]);
    if (result != PAM_SUCCESS) {
      wipe_and_free(answers, count);
      return result;
    }
  }
  *responses = answers;
  return PAM_SUCCESS;
}

int PamTransaction::answer(const pam_message& message, pam_response& response) try {
  const bool asks = message.msg_style == PAM_PROMPT_ECHO_OFF || message.msg_style == PAM_PROMPT_ECHO_ON;
  const bool tells = message.msg_style == PAM_TEXT_INFO || message.msg_style == PAM_ERROR_MSG;
  const std::string_view text = message.msg == nullptr ? "" : message.msg;
  if (conversation_ == nullptr) return tells ? PAM_SUCCESS : PAM_CONV_ERR;
  if (tells) {
    conversation_->tell(message.msg_style == PAM_TEXT_INFO ? Tone::info : Tone::error, text);
    return PAM_SUCCESS;
  }
  if (!asks) return PAM_CONV_ERR;
  const Secret secret = conversation_->ask(message.msg_style == PAM_PROMPT_ECHO_ON ? Echo::on : Echo::off, text);
  response.resp = c_string(secret.bytes());
  return response.resp == nullptr ? PAM_BUF_ERR : PAM_SUCCESS;
} catch (...) {
  failure_ = std::current_exception();
  return PAM_CONV_ERR;
}

}  // namespace usher
