// Sums of equal weights: running sums down the columns and along the row, and windows doubled along the row.
#pragma once

#include "row_scan.hpp"
#include "row_taps.hpp"
#include "simd.hpp"

namespace {

template <class In, class Acc>
inline Vec<Acc> widened_as(const In* p) {
#if defined(__AVX512BW__)
    if constexpr (Same<In, uint8_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, uint16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    else if constexpr (Same<In, int16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    else if constexpr (Same<In, float>::value && Same<Acc, double>::value)
        return (Vec<Acc>)_mm512_cvtps_pd(_mm256_loadu_ps(p));
    else
#elif defined(__AVX2__)
    if constexpr (Same<In, uint8_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, uint16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, int16_t>::value && sizeof(Acc) == 4)
        return (Vec<Acc>)_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    else if constexpr (Same<In, float>::value && Same<Acc, double>::value)
        return (Vec<Acc>)_mm256_cvtps_pd(_mm_loadu_ps(p));
    else
#endif
        return load_as<In, Acc>(p);
}

// sum[x] += enter[x] - leave[x], or + enter[x] alone where there is no row that leaves.
template <class In, class Acc>
void slide(const In* enter, const In* leave, Acc* sum, int64_t n) {
    constexpr int lanes = VectorOf<Acc>::lanes;
    const auto each = [&](const auto& added) {
        if (n < lanes) {
            for (int64_t x = 0; x < n; ++x)
                sum[x] = static_cast<Acc>(sum[x] + static_cast<Acc>(enter[x]) -
                                          (leave == nullptr ? Acc(0) : static_cast<Acc>(leave[x])));
            return;
        }
        // The last, incomplete vector overlaps the one before, which must not change it first.
        const int64_t last = n - lanes;
        const Vec<Acc> end = load<Vec<Acc>>(sum + last) + added(last);
        int64_t x = 0;
#pragma GCC unroll 4
        for (; x + lanes <= n; x += lanes) store(sum + x, load<Vec<Acc>>(sum + x) + added(x));
        store(sum + last, end);
    };
    if (leave == nullptr)
        each([&](int64_t x) { return widened_as<In, Acc>(enter + x); });
    else
        each([&](int64_t x) { return widened_as<In, Acc>(enter + x) - widened_as<In, Acc>(leave + x); });
}

void slide_u8_i32(const uint8_t* enter, const uint8_t* leave, int32_t* sum, int64_t n) {
    slide(enter, leave, reinterpret_cast<uint32_t*>(sum), n);
}
void slide_u16_i32(const uint16_t* enter, const uint16_t* leave, int32_t* sum, int64_t n) {
    slide(enter, leave, reinterpret_cast<uint32_t*>(sum), n);
}
void slide_i16_i32(const int16_t* enter, const int16_t* leave, int32_t* sum, int64_t n) {
    slide(enter, leave, reinterpret_cast<uint32_t*>(sum), n);
}

// The same of reals; whether all that enters is finite.
bool slide_f32_f64(const float* enter, const float* leave, double* sum, int64_t n) {
    slide(enter, leave, sum, n);
    constexpr int lanes = VectorOf<float>::lanes;
    Vec<float> zeros[4] = {};  // NaN where anything was infinite or NaN
    float zero = 0.0f;
    int64_t x = 0;
    for (; x + 4 * lanes <= n; x += 4 * lanes)
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) zeros[i] = fused(load<Vec<float>>(enter + x + i * lanes), Vec<float>{}, zeros[i]);
    for (; x < n; ++x) zero += enter[x] * 0.0f;
    const Vec<float> all = zeros[0] + zeros[1] + zeros[2] + zeros[3];
    for (int i = 0; i < lanes; ++i) zero += all[i];
    return zero == 0.0f;
}

// Sums along a row: out[x] = out[x - channels] + enter[x] - leave[x], those of the pixel before the first in `before`,
// where the last pixel's are left. A vector's lanes are summed among themselves, and what was before is added.
template <class In, class Acc, int channels>
void slide_along_by(const In* enter, const In* leave, Acc* before, Acc* out, int64_t n) {
    constexpr int lanes = VectorOf<Acc>::lanes;
    int64_t x = 0;
    if constexpr (channels <= lanes) {
        Vec<Acc> sums;
        for (int i = 0; i < lanes; ++i) sums[i] = before[i % channels];
        const auto next = [&] {
            const Vec<Acc> part =
                running<channels, Acc>(widened_as<In, Acc>(enter + x) - widened_as<In, Acc>(leave + x));
            const Vec<Acc> v = part + sums;
            if constexpr (lanes % channels == 0)
                sums += last_lanes<channels, Acc>(part);
            else
                sums = last_lanes<channels, Acc>(v);
            return v;
        };
#pragma GCC unroll 2
        for (; x + lanes <= n; x += lanes) store(out + x, next());
        if (x < n) {  // the lines may be read a vector beyond their ends
            Acc rest[lanes];
            store(rest, next());
            std::memcpy(out + x, rest, static_cast<size_t>(n - x) * sizeof(Acc));
        }
    } else {
        for (; x < n; ++x)
            out[x] = (x < channels ? before[x] : out[x - channels]) + static_cast<Acc>(enter[x]) -
                     static_cast<Acc>(leave[x]);
    }
    for (int c = 0; c < channels; ++c) before[c] = out[n - channels + c];
}

template <class In, class Acc>
void slide_along(const void* in, const void* out_of, int channels, void* sums, void* to, int64_t n) {
    const In *enter = static_cast<const In*>(in), *leave = static_cast<const In*>(out_of);
    Acc *before = static_cast<Acc*>(sums), *out = static_cast<Acc*>(to);
    switch (channels) {
        case 1: return slide_along_by<In, Acc, 1>(enter, leave, before, out, n);
        case 2: return slide_along_by<In, Acc, 2>(enter, leave, before, out, n);
        case 3: return slide_along_by<In, Acc, 3>(enter, leave, before, out, n);
        case 4: return slide_along_by<In, Acc, 4>(enter, leave, before, out, n);
    }
    for (int64_t x = 0; x < n; ++x)
        out[x] = static_cast<Acc>((x < channels ? before[x] : out[x - channels]) + static_cast<Acc>(enter[x]) -
                                  static_cast<Acc>(leave[x]));
    for (int c = 0; c < channels; ++c) before[c] = out[n - channels + c];
}

// sums[c] = sum over i < size of in[i * channels + c]
template <class In, class Acc, int channels>
void total_by(const In* in, int size, Acc* sums) {
    Acc total[channels] = {};
    for (int i = 0; i < size; ++i)
        for (int c = 0; c < channels; ++c)
            total[c] = static_cast<Acc>(total[c] + static_cast<Acc>(in[int64_t{i} * channels + c]));
    for (int c = 0; c < channels; ++c) sums[c] = total[c];
}
template <class In, class Acc>
void total(const void* from, int size, int channels, void* to) {
    const In* in = static_cast<const In*>(from);
    Acc* sums = static_cast<Acc*>(to);
    switch (channels) {
        case 1: return total_by<In, Acc, 1>(in, size, sums);
        case 3: return total_by<In, Acc, 3>(in, size, sums);
        case 4: return total_by<In, Acc, 4>(in, size, sums);
    }
    for (int c = 0; c < channels; ++c) {
        Acc sum = 0;
        for (int i = 0; i < size; ++i) sum = static_cast<Acc>(sum + static_cast<Acc>(in[int64_t{i} * channels + c]));
        sums[c] = sum;
    }
}

// Windows of 1, 2, 4, ... elements by doubling; the binary digits of `size` say which of them make up the
// window, from its far end to its near one. About log2(size) + (ones in size) additions an element, each sum
// in an order that depends on nothing but `size`; no element is ever subtracted, so a NaN stays where it is.
template <class T>
void add_shifted(const T* __restrict a, const T* __restrict b, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] = a[x] + b[x];
}
template <class T>
void add_to(const T* __restrict a, T* __restrict out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) out[x] += a[x];
}

template <class T>
void window(const T* in, int size, int step, T* scratch, T* out, int64_t n) {
    const int64_t room = n + static_cast<int64_t>(size) * step;
    T* level[2] = {scratch, scratch + room};
    const T* current = in;  // windows of `length` elements, starting at each x
    int64_t valid = n + static_cast<int64_t>(size - 1) * step;
    int64_t placed = 0;  // elements of the window that `out` already holds
    bool first = true;
    int next = 0;
    for (int length = 1;; length *= 2) {
        if (size & length) {
            const T* part = current + placed * step;
            if (first)
                for (int64_t x = 0; x < n; ++x) out[x] = part[x];
            else
                add_to(part, out, n);
            first = false;
            placed += length;
        }
        if (placed == size) return;
        valid -= static_cast<int64_t>(length) * step;
        add_shifted(current, current + static_cast<int64_t>(length) * step, level[next], valid);
        current = level[next];
        next ^= 1;
    }
}

}  // namespace
