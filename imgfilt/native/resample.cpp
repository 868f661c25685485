#include "resample.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "border.hpp"
#include "dispatch.hpp"
#include "lines.hpp"
#include "pool.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kMinElementsPerStripe = 1 << 15;

void require(bool condition, const char* message) {
    if (!condition) throw std::invalid_argument(message);
}

// A row of the output as the weighted sum of `rows`.
void sum_rows(DType from, const std::vector<const char*>& rows, const float* w32, const double* w64, char* out,
              int64_t n) {
    const RowKernels& row = *kernels().row;
    const auto p = rows.data();
    const int k = static_cast<int>(rows.size());
    const auto target = reinterpret_cast<float*>(out);
    switch (from) {
        case DType::u8: return row.taps_u8_f32(reinterpret_cast<const uint8_t* const*>(p), w32, k, 0.0f, target, n);
        case DType::u16: return row.taps_u16_f32(reinterpret_cast<const uint16_t* const*>(p), w32, k, 0.0f, target, n);
        case DType::i16: return row.taps_i16_f32(reinterpret_cast<const int16_t* const*>(p), w32, k, 0.0f, target, n);
        case DType::f32: return row.taps_f32(reinterpret_cast<const float* const*>(p), w32, k, 0.0f, target, n);
        default:
            return row.taps_f64(reinterpret_cast<const double* const*>(p), w64, k, 0.0, reinterpret_cast<double*>(out),
                                n);
    }
}

void check(const View& in, const View& out, const std::vector<double>& taps, int64_t step) {
    require(packed(in) && packed(out), "rows must be packed");
    require(in.width == out.width && in.channels == out.channels, "the rows of input and output differ in length");
    require(in.height > 0 && in.width > 0, "the image is empty");
    require(step >= 1 && !taps.empty(), "a sum needs a step of at least 1, and a tap");
}

// In stripes of rows that are worth a thread's while.
template <class Rows>
void in_stripes(const View& out, int threads, const Rows& rows) {
    const int64_t least = std::max<int64_t>(1, kMinElementsPerStripe / (out.width * out.channels));
    const int64_t stripes = std::clamp<int64_t>(out.height / least, 1, int64_t{std::max(threads, 1)} * 4);
    if (out.height == 0) return;
    parallel_for(static_cast<int>(stripes), threads,
                 [&](int s) { rows(out.height * s / stripes, out.height * (s + 1) / stripes); });
}

}  // namespace

void reduce_rows(const View& in, const View& out, const std::vector<double>& taps, int64_t step, int64_t first,
                 Border border, double cval, int threads) {
    check(in, out, taps, step);
    const bool wide = in.dtype == DType::f64;
    require(in.dtype != DType::i32 && in.dtype != DType::i64 && out.dtype == (wide ? DType::f64 : DType::f32),
            "there is no such sum for these element types");
    const int64_t n = in.width * in.channels, size = kSizeOf[static_cast<int>(in.dtype)];
    std::vector<char> constant;
    if (border == Border::constant) {
        constant.resize(static_cast<size_t>(n * size));
        const double zero = 0.0;
        Affine affine;
        affine.bias = cval;
        const auto convert = kernels().row->convert[static_cast<int>(DType::f64)][static_cast<int>(in.dtype)];
        convert(&zero, affine, constant.data(), 1);
        for (int64_t x = 1; x < n; ++x) std::memcpy(constant.data() + x * size, constant.data(), size);
    }
    const std::vector<float> w32(taps.begin(), taps.end());
    in_stripes(out, threads, [&](int64_t begin, int64_t end) {
        std::vector<const char*> rows(taps.size());
        for (int64_t j = begin; j < end; ++j) {
            for (size_t t = 0; t < taps.size(); ++t) {
                const int64_t y = border_index(first + j * step + static_cast<int64_t>(t), in.height, border);
                rows[t] = y < 0 ? constant.data() : in.data + y * in.row;
            }
            sum_rows(in.dtype, rows, w32.data(), taps.data(), out.data + j * out.row, n);
        }
    });
}

void expand_rows(const View& in, const View& out, const std::vector<double>& taps, int64_t step, int64_t first,
                 int threads) {
    check(in, out, taps, step);
    require(in.dtype == out.dtype && (in.dtype == DType::f32 || in.dtype == DType::f64),
            "there is no such sum for these element types");
    const int64_t n = in.width * in.channels, count = static_cast<int64_t>(taps.size());
    in_stripes(out, threads, [&](int64_t begin, int64_t end) {
        std::vector<const char*> rows;
        std::vector<float> w32;
        std::vector<double> w64;
        for (int64_t y = begin; y < end; ++y) {
            rows.clear(), w32.clear(), w64.clear();
            const int64_t at = first + y;  // tap of row 0
            const int64_t lowest = at < count ? 0 : (at - count) / step + 1;
            for (int64_t i = lowest; i < in.height && i * step <= at; ++i) {
                const double weight = taps[static_cast<size_t>(at - i * step)];
                rows.push_back(in.data + i * in.row);
                w64.push_back(weight);
                w32.push_back(static_cast<float>(weight));
            }
            if (rows.empty()) {
                std::memset(out.data + y * out.row, 0, static_cast<size_t>(n * kSizeOf[static_cast<int>(out.dtype)]));
                continue;
            }
            sum_rows(in.dtype, rows, w32.data(), w64.data(), out.data + y * out.row, n);
        }
    });
}

}  // namespace imgfilt
