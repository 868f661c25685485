// Canny's gradient and thinning of one row. Compiled once per instruction set.
#pragma once

#include "area_kernels.hpp"
#include "lane_bits.hpp"
#include "simd.hpp"

namespace {

using imgfilt::CannyRow;

// (a * b) >> 16
inline Vec<int16_t> multiply_high(Vec<int16_t> a, int16_t b) {
#if defined(__AVX512BW__)
    return (Vec<int16_t>)_mm512_mulhi_epi16((__m512i)a, _mm512_set1_epi16(b));
#elif defined(__AVX2__)
    return (Vec<int16_t>)_mm256_mulhi_epi16((__m256i)a, _mm256_set1_epi16(b));
#elif defined(__SSE2__)
    return (Vec<int16_t>)_mm_mulhi_epi16((__m128i)a, _mm_set1_epi16(b));
#else
    typedef int32_t Wide __attribute__((vector_size(2 * kVectorBytes)));
    return __builtin_convertvector((__builtin_convertvector(a, Wide) * b) >> 16, Vec<int16_t>);
#endif
}

// 64 bits to 64 bytes of 0 or 255.
inline void expand_word(uint64_t bits, char* out) {
#if defined(__AVX512BW__)
    _mm512_storeu_si512(out, _mm512_movm_epi8(bits));
#else
    for (int i = 0; i < 8; ++i) {
        // Bit j of the byte, moved to byte j, then spread over it.
        uint64_t spread = ((bits >> (8 * i) & 0xff) * 0x0101010101010101) & 0x8040201008040201;
        spread = ((spread + 0x7f7f7f7f7f7f7f7f) | spread) & 0x8080808080808080;
        spread = (spread >> 7) * 0xff;
        __builtin_memcpy(out + 8 * i, &spread, 8);
    }
#endif
}

template <class T, class G>
void sobel_row(const T* const* rows, G* __restrict gx, G* __restrict gy, G* __restrict magnitude, int64_t n) {
    const T *a = rows[0], *b = rows[1], *c = rows[2];
    for (int64_t x = 0; x < n; ++x) {
        const G right = static_cast<G>(a[x + 2] + 2 * b[x + 2] + c[x + 2]);
        const G left = static_cast<G>(a[x] + 2 * b[x] + c[x]);
        const G below = static_cast<G>(c[x] + 2 * c[x + 1] + c[x + 2]);
        const G above = static_cast<G>(a[x] + 2 * a[x + 1] + a[x + 2]);
        const G dx = static_cast<G>(right - left), dy = static_cast<G>(below - above);
        gx[x] = dx;
        gy[x] = dy;
        magnitude[x] = static_cast<G>((dx < 0 ? -dx : dx) + (dy < 0 ? -dy : dy));
    }
}

// tan(22.5 deg) in 15 fractional bits; tan(67.5 deg) = tan(22.5 deg) + 2.
constexpr int kTan = 13573;

// Nearly horizontal and nearly vertical gradients. i16: |g| <= 1020, and as kTan is odd,
// ay < ax * kTan / 2^15 is ay <= floor(that) wherever ax > 0; where ax == 0 == ay the magnitude is 0 and no edge.
inline Vec<int16_t> steps_x(Vec<int16_t> ax, Vec<int16_t> ay, Vec<int16_t>& limit) {
    limit = multiply_high(ax + ax, kTan);
    return (Vec<int16_t>)(ay <= limit);
}
inline Vec<int32_t> steps_x(Vec<float> ax, Vec<float> ay, Vec<float>& limit) {
    limit = ax * 0.414213562f;
    return (Vec<int32_t>)(ay < limit);
}
inline Vec<int64_t> steps_x(Vec<double> ax, Vec<double> ay, Vec<double>& limit) {
    limit = ax * 0.41421356237309504880;
    return (Vec<int64_t>)(ay < limit);
}

template <class T>
inline Vec<T> magnitude_of(Vec<T> v) {
    const Vec<T> minus = -v;
    return v < minus ? minus : v;
}

template <class T>
void thin_row(const CannyRow& row, uint64_t* candidates, uint64_t* strong, int64_t n) {
    typedef Vec<T> V;
    constexpr int lanes = VectorOf<T>::lanes;
    const T *gx = static_cast<const T*>(row.gx), *gy = static_cast<const T*>(row.gy);
    const T *above = static_cast<const T*>(row.above), *here = static_cast<const T*>(row.here),
            *below = static_cast<const T*>(row.below);
    const V low = V{} + static_cast<T>(row.low), high = V{} + static_cast<T>(row.high);
    for (int64_t x = 0; x < n; x += 64) {
        uint64_t kept = 0, sure = 0;
        const int64_t end = n - x < 64 ? n - x : 64;
        for (int64_t i = 0; i < end; i += lanes) {
            const int64_t at = x + i;
            const V m = load<V>(here + at);
            const auto enough = m > low;
            if (lane_bits<T>(enough) == 0) continue;
            const V dx = load<V>(gx + at), dy = load<V>(gy + at);
            const V ax = magnitude_of<T>(dx), ay = magnitude_of<T>(dy);
            V limit;
            const auto across = steps_x(ax, ay, limit);
            const auto down = ay > limit + ax + ax;
            const auto opposite = (dx < 0) ^ (dy < 0);
            // Of two equal neighbours in line the first wins, as in OpenCV; on diagonals neither does.
            const auto x_peak = (m > load<V>(here + at - 1)) & (m >= load<V>(here + at + 1));
            const auto y_peak = (m > load<V>(above + at)) & (m >= load<V>(below + at));
            const auto falling = (m > load<V>(above + at - 1)) & (m > load<V>(below + at + 1));
            const auto rising = (m > load<V>(above + at + 1)) & (m > load<V>(below + at - 1));
            const auto slanted = (opposite & rising) | (~opposite & falling);
            const auto peak = (across & x_peak) | (~across & ((down & y_peak) | (~down & slanted)));
            kept |= lane_bits<T>(enough & peak) << i;
            sure |= lane_bits<T>(enough & peak & (m > high)) << i;
        }
        const uint64_t inside = end == 64 ? ~uint64_t(0) : (uint64_t(1) << end) - 1;
        candidates[x / 64] = kept & inside;
        strong[x / 64] = sure & inside;
    }
}

void expand_bits(const uint64_t* bits, char* out, int64_t stride, int64_t n) {
    if (stride != 1) {
        for (int64_t x = 0; x < n; ++x)
            out[x * stride] = static_cast<char>(-static_cast<int>(bits[x >> 6] >> (x & 63) & 1));
        return;
    }
    int64_t x = 0;
    for (; x + 64 <= n; x += 64) expand_word(bits[x >> 6], out + x);
    for (; x < n; ++x) out[x] = static_cast<char>(-static_cast<int>(bits[x >> 6] >> (x & 63) & 1));
}

}  // namespace
