#include "runtime/scheduler/restart_strategy.h"

#include <gtest/gtest.h>

#include "harness/test_env.h"

namespace pyflinkpp {
namespace {

idl::RestartStrategy Settings(idl::RestartKind::type kind, int attempts, int64_t delay_ms) {
  idl::RestartStrategy settings;
  settings.kind = kind;
  settings.attempts = attempts;
  settings.delay_ms = delay_ms;
  return settings;
}

TEST(RestartStrategyTest, NoneNeverRestarts) {
  harness::SeededRandom random;
  RestartStrategy strategy(Settings(idl::RestartKind::NONE, 5, 10), random);
  EXPECT_EQ(strategy.OnFailure(0), std::nullopt);
}

TEST(RestartStrategyTest, FixedDelayRestartsSoManyTimes) {
  harness::SeededRandom random;
  RestartStrategy strategy(Settings(idl::RestartKind::FIXED_DELAY, 2, 10), random);
  EXPECT_EQ(strategy.OnFailure(0), 10);
  EXPECT_EQ(strategy.OnFailure(1'000'000), 10);
  EXPECT_EQ(strategy.OnFailure(2'000'000), std::nullopt);
}

TEST(RestartStrategyTest, FailureRateCountsWithinItsInterval) {
  harness::SeededRandom random;
  idl::RestartStrategy settings = Settings(idl::RestartKind::FAILURE_RATE, 2, 10);
  settings.interval_ms = 100;
  RestartStrategy strategy(settings, random);
  EXPECT_EQ(strategy.OnFailure(0), 10);
  EXPECT_EQ(strategy.OnFailure(50), 10);
  EXPECT_EQ(strategy.OnFailure(100), 10) << "the first one is too long ago";
  EXPECT_EQ(strategy.OnFailure(149), std::nullopt);
}

TEST(RestartStrategyTest, ExponentialDelayGrowsToItsLimitAndStartsAnewWhenItWasCalm) {
  harness::SeededRandom random;
  idl::RestartStrategy settings = Settings(idl::RestartKind::EXPONENTIAL_DELAY, 0, 100);
  settings.multiplier = 2;
  settings.max_delay_ms = 500;
  settings.reset_ms = 1'000;
  RestartStrategy strategy(settings, random);
  int64_t now = 0;
  for (const int64_t expected : {100, 200, 400, 500, 500}) {
    EXPECT_EQ(strategy.OnFailure(now), expected);
    now += expected + 999;  // not calm for long enough
  }
  EXPECT_EQ(strategy.OnFailure(now + 1'000), 100);
}

TEST(RestartStrategyTest, ExponentialDelayMayHaveALastAttempt) {
  harness::SeededRandom random;
  idl::RestartStrategy settings = Settings(idl::RestartKind::EXPONENTIAL_DELAY, 2, 100);
  settings.multiplier = 1;
  settings.max_delay_ms = 100;
  settings.reset_ms = 1'000;
  RestartStrategy strategy(settings, random);
  EXPECT_EQ(strategy.OnFailure(0), 100);
  EXPECT_EQ(strategy.OnFailure(200), 100);
  EXPECT_EQ(strategy.OnFailure(400), std::nullopt);
}

TEST(RestartStrategyTest, JitterStaysWithinItsPart) {
  harness::SeededRandom random;
  idl::RestartStrategy settings = Settings(idl::RestartKind::EXPONENTIAL_DELAY, 0, 1'000);
  settings.multiplier = 1;
  settings.max_delay_ms = 1'000;
  settings.reset_ms = 1;
  settings.jitter = 0.2;
  RestartStrategy strategy(settings, random);
  int64_t least = 1'000, most = 1'000, now = 0;
  for (int i = 0; i < 200; ++i) {
    const int64_t delay = *strategy.OnFailure(now);
    now += 10'000;
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GE(least, 800);
  EXPECT_LE(most, 1'200);
  EXPECT_LT(least, 900);
  EXPECT_GT(most, 1'100);
}

}  // namespace
}  // namespace pyflinkpp
