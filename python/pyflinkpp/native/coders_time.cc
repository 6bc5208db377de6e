// Dates, times and instants. Milliseconds are kept, microseconds are not.
#include <Python.h>
#include <datetime.h>

#include <cstdio>

#include "native/gil.h"
#include "native/type_coder.h"

namespace pyflinkpp {
namespace {

constexpr int64_t kMillisPerDay = 86'400'000;

// Days since 1970-01-01 of a day of the Gregorian calendar, and back (Howard Hinnant,
// chrono-compatible low-level date algorithms).
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

struct Civil {
  int year, month, day;
};

Civil CivilFromDays(int64_t days) {
  days += 719468;
  const int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const int64_t day_of_era = days - era * 146097;
  const int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {static_cast<int>(year_of_era + era * 400 + (month <= 2)), static_cast<int>(month),
          static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1)};
}

int64_t FloorDivide(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

template <class... Arguments>
void Append(std::string& out, const char* format, Arguments... arguments) {
  char text[80];
  out.append(text, static_cast<size_t>(std::snprintf(text, sizeof(text), format, arguments...)));
}

void AppendMillis(int millis, std::string& out) {
  if (millis != 0) Append(out, ".%03d", millis);
}

class DateCoder final : public TypeCoder {
 public:
  std::string name() const override { return "SQL_DATE"; }
  PyObject* Normalize(PyObject* value) const override {
    if (PyDate_CheckExact(value)) {
      Py_INCREF(value);
      return value;
    }
    if (!PyDate_Check(value)) return DoesNotFit(value, "datetime.date");
    return PyDate_FromDate(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
                           PyDateTime_GET_DAY(value));
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    out.Put(static_cast<int32_t>(DaysFromCivil(
        PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value))));
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    int32_t days;
    if (!in.Get(&days)) return BadBytes(name());
    const Civil date = CivilFromDays(days);
    return PyDate_FromDate(date.year, date.month, date.day);
  }
  bool Format(PyObject* value, std::string& out) const override {
    Append(out, "%04d-%02d-%02d", PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
           PyDateTime_GET_DAY(value));
    return true;
  }
};

class TimeCoder final : public TypeCoder {
 public:
  std::string name() const override { return "SQL_TIME"; }
  PyObject* Normalize(PyObject* value) const override {
    if (!PyTime_Check(value)) return DoesNotFit(value, "datetime.time");
    const int micros = PyDateTime_TIME_GET_MICROSECOND(value);
    return PyTime_FromTime(PyDateTime_TIME_GET_HOUR(value), PyDateTime_TIME_GET_MINUTE(value),
                           PyDateTime_TIME_GET_SECOND(value), micros - micros % 1000);
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    const int seconds =
        (PyDateTime_TIME_GET_HOUR(value) * 60 + PyDateTime_TIME_GET_MINUTE(value)) * 60 +
        PyDateTime_TIME_GET_SECOND(value);
    out.Put(static_cast<int32_t>(seconds * 1000 + PyDateTime_TIME_GET_MICROSECOND(value) / 1000));
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    int32_t millis;
    if (!in.Get(&millis) || millis < 0 || millis >= kMillisPerDay) return BadBytes(name());
    return PyTime_FromTime(millis / 3'600'000, millis / 60'000 % 60, millis / 1000 % 60,
                           millis % 1000 * 1000);
  }
  bool Format(PyObject* value, std::string& out) const override {
    Append(out, "%02d:%02d:%02d", PyDateTime_TIME_GET_HOUR(value),
           PyDateTime_TIME_GET_MINUTE(value), PyDateTime_TIME_GET_SECOND(value));
    AppendMillis(PyDateTime_TIME_GET_MICROSECOND(value) / 1000, out);
    return true;
  }
};

class TimestampCoder final : public TypeCoder {
 public:
  std::string name() const override { return "SQL_TIMESTAMP"; }
  PyObject* Normalize(PyObject* value) const override {
    if (!PyDateTime_Check(value)) return DoesNotFit(value, "datetime.datetime");
    if (PyDateTime_DATE_GET_TZINFO(value) != Py_None)
      return DoesNotFit(value, "datetime without a time zone");
    const int micros = PyDateTime_DATE_GET_MICROSECOND(value);
    return PyDateTime_FromDateAndTime(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
                                      PyDateTime_GET_DAY(value), PyDateTime_DATE_GET_HOUR(value),
                                      PyDateTime_DATE_GET_MINUTE(value),
                                      PyDateTime_DATE_GET_SECOND(value), micros - micros % 1000);
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    const int64_t days = DaysFromCivil(PyDateTime_GET_YEAR(value), PyDateTime_GET_MONTH(value),
                                       PyDateTime_GET_DAY(value));
    const int seconds =
        (PyDateTime_DATE_GET_HOUR(value) * 60 + PyDateTime_DATE_GET_MINUTE(value)) * 60 +
        PyDateTime_DATE_GET_SECOND(value);
    out.Put(days * kMillisPerDay + seconds * 1000 + PyDateTime_DATE_GET_MICROSECOND(value) / 1000);
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    int64_t millis;
    if (!in.Get(&millis)) return BadBytes(name());
    const int64_t days = FloorDivide(millis, kMillisPerDay);
    const int rest = static_cast<int>(millis - days * kMillisPerDay);
    const Civil date = CivilFromDays(days);
    return PyDateTime_FromDateAndTime(date.year, date.month, date.day, rest / 3'600'000,
                                      rest / 60'000 % 60, rest / 1000 % 60, rest % 1000 * 1000);
  }
  bool Format(PyObject* value, std::string& out) const override {
    Append(out, "%04d-%02d-%02d %02d:%02d:%02d", PyDateTime_GET_YEAR(value),
           PyDateTime_GET_MONTH(value), PyDateTime_GET_DAY(value), PyDateTime_DATE_GET_HOUR(value),
           PyDateTime_DATE_GET_MINUTE(value), PyDateTime_DATE_GET_SECOND(value));
    Append(out, ".%d", PyDateTime_DATE_GET_MICROSECOND(value) / 1000);
    return true;
  }
};

class InstantCoder final : public TypeCoder {
 public:
  std::string name() const override { return "INSTANT"; }
  bool immutable() const override { return false; }  // its attributes can be set
  PyObject* Normalize(PyObject* value) const override {
    PyObject* type = Instant();
    if (type == nullptr) return nullptr;
    const int is_instant = PyObject_IsInstance(value, type);
    if (is_instant < 0) return nullptr;
    if (!is_instant) return DoesNotFit(value, "pyflinkpp.common.Instant");
    Py_INCREF(value);
    return value;
  }
  bool Write(PyObject* value, BinaryWriter& out) const override {
    int64_t seconds;
    int64_t nanos;
    if (!Parts(value, &seconds, &nanos)) return false;
    out.Put(seconds);
    out.Put(static_cast<int32_t>(nanos));
    return true;
  }
  PyObject* Read(BinaryReader& in) const override {
    int64_t seconds;
    int32_t nanos;
    if (!in.Get(&seconds) || !in.Get(&nanos)) return BadBytes(name());
    PyObject* type = Instant();
    return type == nullptr
               ? nullptr
               : PyObject_CallFunction(type, "Li", static_cast<long long>(seconds), nanos);
  }
  bool Format(PyObject* value, std::string& out) const override {
    int64_t seconds;
    int64_t nanos;
    if (!Parts(value, &seconds, &nanos)) return false;
    const int64_t days = FloorDivide(seconds, 86'400);
    const int rest = static_cast<int>(seconds - days * 86'400);
    const Civil date = CivilFromDays(days);
    Append(out, "%04d-%02d-%02dT%02d:%02d:%02d", date.year, date.month, date.day, rest / 3600,
           rest / 60 % 60, rest % 60);
    if (nanos % 1'000'000 == 0) {
      AppendMillis(static_cast<int>(nanos / 1'000'000), out);
    } else {
      Append(out, nanos % 1000 == 0 ? ".%06d" : ".%09d",
             static_cast<int>(nanos % 1000 == 0 ? nanos / 1000 : nanos));
    }
    out += 'Z';
    return true;
  }

 private:
  static PyObject* Instant() {
    static PyObject* type = nullptr;
    return Imported(&type, "pyflinkpp.common.time", "Instant");
  }
  static bool Parts(PyObject* value, int64_t* seconds, int64_t* nanos) {
    const PyRef s = PyRef::Steal(PyObject_GetAttrString(value, "seconds"));
    const PyRef n = PyRef::Steal(PyObject_GetAttrString(value, "nanos"));
    if (!s || !n) return false;
    *seconds = PyLong_AsLongLong(s.get());
    *nanos = PyLong_AsLongLong(n.get());
    return !PyErr_Occurred();
  }
};

}  // namespace

std::shared_ptr<const TypeCoder> MakeTimeCoder(const idl::TypeInformation& type) {
  if (type.kind == idl::TypeKind::INSTANT) return std::make_shared<InstantCoder>();
  const bool date_time = type.kind == idl::TypeKind::SQL_DATE ||
                         type.kind == idl::TypeKind::SQL_TIME ||
                         type.kind == idl::TypeKind::SQL_TIMESTAMP;
  if (!date_time) return nullptr;
  if (PyDateTimeAPI == nullptr) PyDateTime_IMPORT;
  if (PyDateTimeAPI == nullptr) return nullptr;
  if (type.kind == idl::TypeKind::SQL_DATE) return std::make_shared<DateCoder>();
  if (type.kind == idl::TypeKind::SQL_TIME) return std::make_shared<TimeCoder>();
  return std::make_shared<TimestampCoder>();
}

}  // namespace pyflinkpp
