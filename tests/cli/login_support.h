// A login client in one thread and its server, played by the test, in the other.
#pragma once

#include <deque>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "cli/login_client.h"
#include "cli/prompter.h"
#include "tests/support/client.h"
#include "tests/support/process.h"

namespace usher::testing {

inline Secret secret_of(std::string_view text) {
  Secret secret;
  secret.append({static_cast<const std::uint8_t*>(static_cast<const void*>(text.data())), text.size()});
  return secret;
}

// Answers from a list; with none left, nobody answers.
class ScriptedPrompter final : public Prompter {
 public:
  ScriptedPrompter() = default;
  explicit ScriptedPrompter(std::deque<std::string> answers) : answers_(std::move(answers)), there_(true) {}

  bool is_there() const override { return there_; }
  std::optional<Secret> wait_for_secret(std::string_view prompt) override {
    const auto answer = next("secret: " + std::string(prompt));
    return answer ? std::optional(secret_of(*answer)) : std::nullopt;
  }
  std::optional<std::string> wait_for_answer(std::string_view prompt) override {
    return next("shown: " + std::string(prompt));
  }
  void tell(std::string_view text) override { told.emplace_back(text); }

  std::vector<std::string> told;
  std::vector<std::string> prompts;

 private:
  std::optional<std::string> next(std::string prompt) {
    prompts.push_back(std::move(prompt));
    if (answers_.empty()) return {};
    std::string answer = answers_.front();
    answers_.pop_front();
    return answer;
  }

  std::deque<std::string> answers_;
  bool there_ = false;
};

// The client runs from the start; `server` is the other end.
class Login {
 public:
  Login(LoginRequest request, ScriptedPrompter& prompter) : Login(std::move(request), prompter, make_stream_pair()) {}

  LoginClient::Outcome outcome() { return outcome_.get(); }
  // The server says `line`; what the client answers.
  std::string answer_to(std::string_view line) {
    server.send_line(line);
    return server.read_line();
  }

 private:
  Login(LoginRequest request, ScriptedPrompter& prompter, std::pair<UniqueFd, UniqueFd> ends)
      : client_(std::move(ends.first)),
        outcome_(std::async(std::launch::async,
                            [this, &prompter, request = std::move(request)]() mutable {
                              return LoginClient(client_.get(), std::move(request), prompter).wait_for_program();
                            })),
        server(std::move(ends.second)) {}

  UniqueFd client_;
  std::future<LoginClient::Outcome> outcome_;

 public:
  Client server;  // goes first: a client that still waits then sees the end
};

inline LoginRequest request_for(std::vector<std::string> program) {
  LoginRequest request;
  request.user = "ada";
  request.password = secret_of("engine");
  request.program = std::move(program);
  return request;
}

}  // namespace usher::testing
