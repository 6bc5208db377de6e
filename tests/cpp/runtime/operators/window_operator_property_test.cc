// The window operator against obvious models, over random input, however it is cut.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/windowing/session_windows.h"
#include "core/windowing/time_window_assigners.h"
#include "runtime/operators/window_driver.h"
#include "state/rocksdb/rocksdb_keyed_state_backend.h"

namespace pyflinkpp {
namespace {

using harness::Element;
using harness::Emitted;
using harness::WindowDriver;

// "key [start,end) texts" with the texts sorted: in merged windows their order means little.
std::string Text(const std::string& key, int64_t start, int64_t end,
                 const std::multiset<std::string>& texts) {
  std::string text = absl::StrCat(key, " [", start, ",", end, ") ");
  for (const std::string& each : texts) text += each + ",";
  return text;
}
std::string Sorted(const std::string& emitted) {
  const size_t space = emitted.rfind(' ') + 1;
  std::multiset<std::string> texts;
  for (size_t at = space; at < emitted.size();) {
    const size_t comma = emitted.find(',', at);
    texts.insert(emitted.substr(at, comma - at));
    at = comma + 1;
  }
  std::string sorted = emitted.substr(0, space);
  for (const std::string& text : texts) sorted += text + ",";
  return sorted;
}

// What all windows have in common here: they fire at the watermark and at late elements.
class Model {
 public:
  explicit Model(int64_t lateness) : lateness_(lateness) {}
  virtual ~Model() = default;

  virtual void Add(const Element& element) = 0;
  virtual void Advance(int64_t watermark) = 0;

  std::vector<Emitted> emitted;
  std::vector<Emitted> late;

 protected:
  bool Passed(int64_t last) const { return last <= watermark_; }
  bool Gone(int64_t last) const { return last + lateness_ <= watermark_; }
  void Late(const Element& element) {
    if (element.timestamp + lateness_ <= watermark_)
      late.push_back({element.text, element.timestamp});
  }

  const int64_t lateness_;
  int64_t watermark_ = -1'000'000;
};

class GridModel final : public Model {
 public:
  GridModel(int64_t size, int64_t slide, int64_t offset, int64_t lateness)
      : Model(lateness), size_(size), slide_(slide), offset_(offset) {}

  void Add(const Element& element) override {
    bool added = false;
    for (int64_t start = element.timestamp - size_ + 1; start <= element.timestamp; ++start) {
      if ((start - offset_) % slide_ != 0 || Gone(start + size_ - 1)) continue;
      added = true;
      auto& texts = windows_[{start, element.key}];
      texts.insert(element.text);
      if (Passed(start + size_ - 1)) Emit(start, element.key, texts);
    }
    if (!added) Late(element);
  }

  void Advance(int64_t watermark) override {
    const int64_t before = std::exchange(watermark_, watermark);
    for (auto window = windows_.begin(); window != windows_.end();) {
      const auto& [start, key] = window->first;
      const int64_t last = start + size_ - 1;
      if (last > before && Passed(last)) Emit(start, key, window->second);
      window = Gone(last) ? windows_.erase(window) : std::next(window);
    }
  }

 private:
  void Emit(int64_t start, const std::string& key, const std::multiset<std::string>& texts) {
    emitted.push_back({Text(key, start, start + size_, texts), start + size_ - 1});
  }

  const int64_t size_, slide_, offset_;
  std::map<std::pair<int64_t, std::string>, std::multiset<std::string>> windows_;  // start, key
};

class SessionModel final : public Model {
 public:
  SessionModel(int64_t gap, int64_t lateness) : Model(lateness), gap_(gap) {}

  void Add(const Element& element) override {
    Session session{element.timestamp, element.timestamp + gap_, {element.text}};
    std::vector<Session>& all = sessions_[element.key];
    bool merged = false;
    for (size_t i = 0; i < all.size();) {
      if (all[i].start > session.end || all[i].end < session.start) {
        ++i;
        continue;
      }
      merged = true;
      session.start = std::min(session.start, all[i].start);
      session.end = std::max(session.end, all[i].end);
      session.texts.insert(all[i].texts.begin(), all[i].texts.end());
      all.erase(all.begin() + static_cast<int64_t>(i));
      i = 0;
    }
    if (!merged && Gone(session.end - 1)) return Late(element);
    all.push_back(session);
    if (Passed(session.end - 1)) Emit(element.key, session);
  }

  void Advance(int64_t watermark) override {
    const int64_t before = std::exchange(watermark_, watermark);
    for (auto& [key, all] : sessions_) {
      for (const Session& session : all) {
        if (session.end - 1 > before && Passed(session.end - 1)) Emit(key, session);
      }
      std::erase_if(all, [this](const Session& session) { return Gone(session.end - 1); });
    }
  }

 private:
  struct Session {
    int64_t start, end;
    std::multiset<std::string> texts;
  };
  void Emit(const std::string& key, const Session& session) {
    emitted.push_back({Text(key, session.start, session.end, session.texts), session.end - 1});
  }

  const int64_t gap_;
  std::map<std::string, std::vector<Session>> sessions_;
};

std::vector<Emitted> Normal(std::vector<Emitted> emitted) {
  for (Emitted& each : emitted) each.text = Sorted(each.text);
  std::sort(emitted.begin(), emitted.end());
  return emitted;
}

// Out-of-order elements in batches of random size, a watermark now and then: after each step both
// have emitted the same.
void Compare(std::mt19937& random, WindowDriver& driver, Model& model, int steps) {
  int64_t time = -300;
  int64_t watermark = time - 100;
  int number = 0;
  for (int step = 0; step < steps; ++step) {
    std::vector<Element> elements;
    for (uint32_t i = random() % 12; i > 0; --i) {
      time += static_cast<int64_t>(random() % 6);
      elements.push_back({std::string(1, static_cast<char>('a' + random() % 3)),
                          std::to_string(number++), time - static_cast<int64_t>(random() % 60)});
      model.Add(elements.back());
    }
    driver.YieldAlways(random() % 3 == 0);
    ASSERT_TRUE(driver.Push(elements).ok());
    ASSERT_EQ(Normal(driver.TakeEmitted()), Normal(std::exchange(model.emitted, {})));
    if (random() % 2 == 0) {
      watermark = std::max(watermark, time - static_cast<int64_t>(random() % 50));
      model.Advance(watermark);
      ASSERT_TRUE(driver.PushWatermark(watermark).ok());
      ASSERT_TRUE(std::is_sorted(
          driver.emitted.begin(), driver.emitted.end(),
          [](const Emitted& a, const Emitted& b) { return a.timestamp < b.timestamp; }));
      ASSERT_EQ(Normal(driver.TakeEmitted()), Normal(std::exchange(model.emitted, {})));
    }
    ASSERT_EQ(driver.side[WindowDriver::kLate], model.late);
  }
  model.Advance(1'000'000);
  ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
  ASSERT_EQ(Normal(driver.TakeEmitted()), Normal(std::exchange(model.emitted, {})));
  EXPECT_THAT(driver.StateSizes(), testing::IsEmpty());
  EXPECT_EQ(driver.next_processing_time(), kMaxTimestamp);
}

WindowParts Parts(std::unique_ptr<WindowAssigner> assigner, int64_t lateness) {
  return {.assigner = std::move(assigner),
          .trigger = MakeEventTimeTrigger(),
          .function = nullptr,
          .allowed_lateness_ms = lateness,
          .late_output = WindowDriver::kLate};
}

// The event-time trigger without its short cut: the general way through the operator.
class Slow final : public Trigger {
 public:
  absl::StatusOr<TriggerResult> OnElement(RecordBatch& batch, size_t i, int64_t timestamp,
                                          TriggerContext& context) override {
    return trigger_->OnElement(batch, i, timestamp, context);
  }
  absl::StatusOr<TriggerResult> OnEventTime(int64_t time, TriggerContext& context) override {
    return trigger_->OnEventTime(time, context);
  }
  absl::Status Clear(TriggerContext& context) override { return trigger_->Clear(context); }

 private:
  const std::unique_ptr<Trigger> trigger_ = MakeEventTimeTrigger();
};

TEST(WindowOperatorPropertyTest, TumblingAndSlidingWindows) {
  for (uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const int64_t slide = 1 + random() % 40;
    const int64_t size = random() % 3 == 0 ? slide : 1 + random() % 80;
    const int64_t offset = static_cast<int64_t>(random() % (2 * slide - 1)) - slide + 1;
    const int64_t lateness = random() % 2 == 0 ? 0 : random() % 50;
    WindowParts parts = Parts(size == slide ? *MakeTumblingWindows(size, offset, true)
                                            : *MakeSlidingWindows(size, slide, offset, true),
                              lateness);
    if (random() % 3 == 0) parts.trigger = std::make_unique<Slow>();
    WindowDriver driver(std::move(parts), MakeMemoryKeyedStateBackend({0, 127}, 128),
                        /*merges_panes=*/random() % 2 == 0);
    GridModel model(size, slide, offset, lateness);
    ASSERT_NO_FATAL_FAILURE(Compare(random, driver, model, 40));
  }
}

TEST(WindowOperatorPropertyTest, Sessions) {
  for (uint32_t seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const int64_t gap = 1 + random() % 30;
    const int64_t lateness = random() % 2 == 0 ? 0 : random() % 50;
    WindowDriver driver(Parts(*MakeSessionWindows(gap, true), lateness));
    SessionModel model(gap, lateness);
    ASSERT_NO_FATAL_FAILURE(Compare(random, driver, model, 40));
  }
}

TEST(WindowOperatorPropertyTest, StateOnDisk) {
  for (uint32_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const auto directory =
        std::filesystem::path(testing::TempDir()) / absl::StrCat("pfpp-windows-", seed);
    std::filesystem::remove_all(directory);
    auto backend = OpenRocksDbKeyedStateBackend(
        {.key_groups = {0, 127}, .max_parallelism = 128, .directory = directory});
    ASSERT_TRUE(backend.ok()) << backend.status();
    const bool sessions = seed % 2 == 0;
    WindowDriver driver(
        Parts(sessions ? *MakeSessionWindows(20, true) : *MakeSlidingWindows(20, 7, 2, true), 10),
        *std::move(backend), /*merges_panes=*/seed % 4 == 1);
    SessionModel session_model(20, 10);
    GridModel grid_model(20, 7, 2, 10);
    ASSERT_NO_FATAL_FAILURE(
        Compare(random, driver, sessions ? static_cast<Model&>(session_model) : grid_model, 30));
  }
}

// Cut differently, the same elements give the same results.
TEST(WindowOperatorPropertyTest, BatchBordersCarryNoMeaning) {
  for (uint32_t seed = 0; seed < 30; ++seed) {
    std::mt19937 random(seed);
    std::vector<Element> elements;
    for (int i = 0; i < 300; ++i) {
      elements.push_back(
          {std::to_string(random() % 40), std::to_string(i), static_cast<int64_t>(random() % 500)});
    }
    std::vector<Emitted> whole;
    for (const size_t most : {300, 1, 7, 65}) {
      WindowDriver driver(Parts(
          seed % 2 == 0 ? *MakeTumblingWindows(20, 3, true) : *MakeSessionWindows(20, true), 0));
      for (size_t at = 0; at < elements.size();) {
        const size_t count =
            std::min<size_t>(most == 300 ? 300 : 1 + random() % most, elements.size() - at);
        ASSERT_TRUE(driver
                        .Push({elements.begin() + static_cast<int64_t>(at),
                               elements.begin() + static_cast<int64_t>(at + count)})
                        .ok());
        at += count;
      }
      ASSERT_TRUE(driver.PushWatermark(kMaxTimestamp).ok());
      if (whole.empty()) whole = driver.emitted;
      ASSERT_EQ(driver.emitted, whole) << "seed " << seed << ", batches of up to " << most;
    }
  }
}

}  // namespace
}  // namespace pyflinkpp
