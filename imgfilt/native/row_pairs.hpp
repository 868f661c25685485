// Sums of 16-bit elements under a whole rectangle of weights in 32 bits, several rows of output at a time. Two rows of
// the input are interleaved and multiplied in pairs; what that takes is shared by all rows of output.
#pragma once

#include "row_taps32.hpp"

namespace {

#if defined(IMGFILT_PAIRS)
// R rows of U registers of 16-bit elements. `w` holds pairs of the weights of two rows each, of the row before the
// first one (all 0) and the first, then of the first and the second, to the last and the one after it.
template <int R, int U>
class PairTile {
  public:
    PairTile(const int32_t* w, const imgfilt::Rectangle& rectangle, int32_t init, int64_t x)
        : w_(w), height_(rectangle.height), width_(rectangle.width), step_(rectangle.step), x_(x) {
        for (int r = 0; r < R; ++r)
            for (int u = 0; u < U; ++u) low_[r][u] = high_[r][u] = splat32(init);
    }

    inline __attribute__((always_inline)) void run(const int16_t* const* p) {
        const int rows = height_ + R - 1;
        int i = 0;
        if constexpr (R > 2) {
            add<0, 2>(p[0], p[1], 0);
            i = 2;
        }
        for (; i < height_; i += 2) add<0, R>(p[i], p[i + 1 < rows ? i + 1 : i], i);
        for (; i < rows; i += 2) {  // rows that only the last sums reach
            const int16_t *a = p[i], *b = p[i + 1 < rows ? i + 1 : i];
            if constexpr (R > 3)
                if (i - height_ == 2) add<3, R>(a, b, i);
            if constexpr (R > 2)
                if (i - height_ == 1) add<2, R>(a, b, i);
            if constexpr (R > 1)
                if (i == height_) add<1, R>(a, b, i);
        }
    }

    void finish(int, int32_t* const* out) const {
        for (int r = 0; r < R; ++r)
            for (int u = 0; u < U; ++u) store_in_order(out[r] + x_ + u * kPairLanes, low_[r][u], high_[r][u]);
    }
    void finish(int shift, uint8_t* const* out) const {
        for (int r = 0; r < R; ++r)
            for (int u = 0; u < U; ++u)
                store_half_u8(out[r] + x_ + u * kPairLanes,
                              pack_i16(shift_right32(low_[r][u], shift), shift_right32(high_[r][u], shift)));
    }

  private:
    // Rows i and i + 1 of the input for the rows of output from First to before Last.
    template <int First, int Last>
    inline __attribute__((always_inline)) void add(const int16_t* a, const int16_t* b, int i) {
        a += x_;
        b += x_;
        const int32_t* w = w_ + static_cast<int64_t>(i + 1) * width_;
        for (int j = 0; j < width_; ++j, a += step_, b += step_, ++w) {
            Pairs low[U], high[U];
            for (int u = 0; u < U; ++u) {
                const Pairs first = load_once(a + u * kPairLanes), second = load_once(b + u * kPairLanes);
                low[u] = interleave_low(first, second);
                high[u] = interleave_high(first, second);
            }
#pragma GCC unroll 4
            for (int r = First; r < Last; ++r) {
                const Pairs weights = splat32(w[-r * width_]);
                for (int u = 0; u < U; ++u) {
                    low_[r][u] = add32(low_[r][u], multiply_add(low[u], weights));
                    high_[r][u] = add32(high_[r][u], multiply_add(high[u], weights));
                }
            }
        }
    }
    static Pairs load_once(const int16_t* p) {
        Pairs v = load_pairs(p);
        asm("" : "+v"(v));
        return v;
    }

    Pairs low_[R][U], high_[R][U];
    const int32_t* const w_;
    const int height_;
    const int64_t width_, step_;
    const int64_t x_;
};

template <int R, int U, class Out>
void pair_tiles(const int16_t* const* p, const int32_t* w, const imgfilt::Rectangle& rectangle, int32_t init, int shift,
                Out* const* out, int64_t n) {
    constexpr int step = U * kPairLanes;
    const auto at = [&](int64_t x) __attribute__((always_inline)) {
        PairTile<R, U> tile(w, rectangle, init, x);
        tile.run(p);
        tile.finish(shift, out);
    };
    int64_t x = 0;
    for (; x + step <= n; x += step) at(x);
    if (x < n) at(n - step);  // overlaps the one before
}

inline int32_t finished(int32_t sum, int, int32_t) { return sum; }
inline uint8_t finished(int32_t sum, int shift, uint8_t) { return saturate_u8(sum >> shift); }

template <int R, class Out>
void pair_rows(const int16_t* const* p, const int32_t* w, const imgfilt::Rectangle& rectangle, int32_t init, int shift,
               Out* const* out, int64_t n) {
    constexpr int U = kVectorBytes == 64 ? 2 : 1;
    if (n >= U * kPairLanes) return pair_tiles<R, U>(p, w, rectangle, init, shift, out, n);
    if (n >= kPairLanes) return pair_tiles<R, 1>(p, w, rectangle, init, shift, out, n);
    for (int r = 0; r < R; ++r)
        for (int64_t x = 0; x < n; ++x) {
            uint32_t sum = static_cast<uint32_t>(init);
            for (int i = 0; i < rectangle.height; ++i)
                for (int j = 0; j < rectangle.width; ++j) {
                    const auto weight = static_cast<int16_t>(w[int64_t{i + 1} * rectangle.width + j]);
                    sum += static_cast<uint32_t>(p[i + r][x + int64_t{j} * rectangle.step] * weight);
                }
            out[r][x] = finished(static_cast<int32_t>(sum), shift, Out{});
        }
}

template <class Out>
void dense_pairs(const int16_t* const* p, const int32_t* w, const imgfilt::Rectangle& rectangle, int32_t init,
                 int shift, Out* const* out, int rows, int64_t n) {
    int r = 0;
    for (; r + 4 <= rows; r += 4) pair_rows<4>(p + r, w, rectangle, init, shift, out + r, n);
    for (; r < rows; ++r) pair_rows<1>(p + r, w, rectangle, init, shift, out + r, n);
}
#endif

}  // namespace
