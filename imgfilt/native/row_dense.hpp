// Sums under a whole rectangle of weights, several rows of output at a time: each element that is loaded is used for
// all of them, which otherwise would be loaded, mostly across two cache lines, for every multiplication.
#pragma once

#include "row_taps.hpp"

// The sums must stay in registers, which they do not across a call.
#define IMGFILT_INLINE __attribute__((always_inline)) inline

namespace {

using imgfilt::Rectangle;

// The tile of sums that stays in registers: on AVX-512 16 of 32, and with vectors of half that 12 of 16, beside the
// elements and one weight.
constexpr int kTile = kVectorBytes == 64 ? 4 : 3;

// Without this the compiler makes the load a part of each multiplication.
template <class T>
IMGFILT_INLINE Vec<T> load_once(const T* p) {
    Vec<T> v = load<Vec<T>>(p);
#if defined(IMGFILT_PAIRS)
    asm("" : "+v"(v));
#endif
    return v;
}

// R rows of B vectors. Each sum runs over the kernel row by row, and is added to the output after every few rows. Of
// K x K weights the loops are unrolled; K is 0 where the size is not known to the compiler.
//
// What lies under a weight of 0 may be infinite or NaN, and must not reach the sum. To look at each weight takes longer
// than to multiply by 0 now and then: so all are multiplied first, which changes no sum of finite elements, and only
// where a result is NaN are those of 0 left out, the sums being made again (Careful). Of those that the compiler knows
// to be 0 (the bits of Zeros) nothing is read.
template <class T, int R, int B, int K, bool Careful = false, unsigned Zeros = 0>
class DenseTile {
  public:
    static constexpr int lanes = VectorOf<T>::lanes;

    DenseTile(const T* w, const Rectangle& rectangle, T init, T* const* out, int64_t x)
        : w_(w),
          height_(K > 0 ? K : rectangle.height),
          width_(K > 0 ? K : rectangle.width),
          step_(rectangle.step),
          run_(K > 0 ? imgfilt::rows_in_run(K) : rectangle.run),
          init_(init),
          out_(out),
          x_(x) {}

    IMGFILT_INLINE void run(const T* const* p) {
        if constexpr (K > 0) {
            all<0>(p);
        } else {
            above<0>(p);
            for (int i = R - 1; i < height_; ++i) add<0, R>(p[i], i);
            below<1>(p);
        }
    }

    // Whether any result is NaN, or, now and then, where two are infinite.
    IMGFILT_INLINE bool doubtful() const { return has_nan(results_); }

  private:
    // Rows of the input that only the first rows of output reach, or only the last.
    template <int I>
    IMGFILT_INLINE void above(const T* const* p) {
        if constexpr (I < R - 1) {
            add<0, I + 1>(p[I], I);
            above<I + 1>(p);
        }
    }
    template <int First>
    IMGFILT_INLINE void below(const T* const* p) {
        if constexpr (First < R) {
            const int i = height_ + First - 1;
            add<First, R>(p[i], i);
            below<First + 1>(p);
        }
    }
    template <int I>
    IMGFILT_INLINE void all(const T* const* p) {
        if constexpr (I < K + R - 1) {
            add<(I < K ? 0 : I - K + 1), (I < R ? I + 1 : R)>(p[I], I);
            all<I + 1>(p);
        }
    }

    // Row i of the input for the rows of output from First to before Last.
    template <int First, int Last>
    IMGFILT_INLINE void add(const T* row, int i) {
        const T* in = row + x_;
        const T* w = w_ + static_cast<int64_t>(i) * width_;
        if constexpr (K > 0) {
#pragma GCC unroll 8
            for (int j = 0; j < K; ++j) add_column<First, Last>(in + j * step_, w + j, i * K + j);
        } else {
            for (int64_t j = 0; j < width_; ++j, in += step_, ++w) add_column<First, Last>(in, w, 0);
        }
#pragma GCC unroll 8
        for (int r = First; r < Last; ++r) {
            const int done = i - r + 1;
            if ((done & (run_ - 1)) == 0 || done == height_) {
                T* out = out_[r] + x_;
#pragma GCC unroll 8
                for (int b = 0; b < B; ++b) {
                    const Vec<T> before = done <= run_ ? splat(init_) : load<Vec<T>>(out + b * lanes);
                    store(out + b * lanes, before + sum_[r][b]);
                    if (!Careful && Zeros == 0 && done == height_) results_ += before + sum_[r][b];
                    sum_[r][b] = Vec<T>{};
                }
            }
        }
    }

    // `place` is that of the weight of row 0.
    template <int First, int Last>
    IMGFILT_INLINE void add_column(const T* in, const T* w, int place) {
        Vec<T> x[B];
#pragma GCC unroll 8
        for (int b = 0; b < B; ++b) x[b] = load_once(in + b * lanes);
#pragma GCC unroll 8
        for (int r = First; r < Last; ++r) {
            if (Zeros != 0 && (Zeros >> (place - r * K) & 1)) continue;
            const T weight = w[-r * width_];
            if (Careful && weight == 0) continue;
#pragma GCC unroll 8
            for (int b = 0; b < B; ++b) sum_[r][b] = add_product(sum_[r][b], x[b], weight);
        }
    }

    Vec<T> sum_[R][B] = {}, results_ = {};
    const T* const w_;
    const int height_;
    const int64_t width_, step_;
    const int run_;
    const T init_;
    T* const* const out_;
    const int64_t x_;
};

// One element, in the same order.
template <class T>
T dense_one(const T* const* p, const T* w, const Rectangle& rectangle, T init, int64_t x) {
    T total = init, sum = 0;
    for (int i = 0; i < rectangle.height; ++i) {
        for (int j = 0; j < rectangle.width; ++j)
            if (const T weight = w[int64_t{i} * rectangle.width + j]; weight != 0 || !rectangle.gaps)
                sum = add_product(sum, p[i][x + int64_t{j} * rectangle.step], weight);
        if (((i + 1) & (rectangle.run - 1)) == 0 || i + 1 == rectangle.height) {
            total += sum;
            sum = 0;
        }
    }
    return total;
}

// `count` elements of a row.
template <class T>
__attribute__((noinline)) void dense_careful(const T* const* p, const T* w, const Rectangle& rectangle, T init, T* out,
                                             int64_t x, int count) {
    for (int i = 0; i < count; i += VectorOf<T>::lanes)
        DenseTile<T, 1, 1, 0, true>(w, rectangle, init, &out, x + i).run(p);
}

template <class T, int R, int B, int K, unsigned Zeros = 0>
void dense_tiles(const T* const* p, const T* w, const Rectangle& rectangle, T init, T* const* out, int64_t n) {
    constexpr int step = B * VectorOf<T>::lanes;
    const bool gaps = rectangle.gaps && Zeros == 0;
    const auto at = [&](int64_t x) __attribute__((always_inline)) {
        DenseTile<T, R, B, K, false, Zeros> tile(w, rectangle, init, out, x);
        tile.run(p);
        if (gaps && tile.doubtful())
            for (int r = 0; r < R; ++r) dense_careful(p + r, w, rectangle, init, out[r], x, step);
    };
    int64_t x = 0;
    for (; x + step <= n; x += step) at(x);
    if (x < n) at(n - step);  // overlaps the one before
}

template <class T, int R>
void dense_rows(const T* const* p, const T* w, const Rectangle& rectangle, T init, T* const* out, int64_t n) {
    constexpr int lanes = VectorOf<T>::lanes;
    if (n >= kTile * lanes) return dense_tiles<T, R, kTile, 0>(p, w, rectangle, init, out, n);
    if (n >= lanes) return dense_tiles<T, R, 1, 0>(p, w, rectangle, init, out, n);
    for (int r = 0; r < R; ++r)
        for (int64_t x = 0; x < n; ++x) out[r][x] = dense_one(p + r, w, rectangle, init, x);
}

// Four rows of a small square of weights, of which the compiler knows all places; false where it does not.
template <class T, int K, unsigned Zeros = 0>
bool dense_square(const T* const* p, const T* w, const Rectangle& rectangle, T init, T* const* out, int64_t n) {
    constexpr int B = kVectorBytes == 64 ? 4 : 2, lanes = VectorOf<T>::lanes;
    if (rectangle.height != K || rectangle.width != K || n < lanes) return false;
    if (n >= B * lanes)
        dense_tiles<T, 4, B, K, Zeros>(p, w, rectangle, init, out, n);
    else
        dense_tiles<T, 4, 1, K, Zeros>(p, w, rectangle, init, out, n);
    return true;
}
// The same of those 3 x 3 weights that filters have most: Laplacians and sharpening without corners, derivatives
// without the middle column or row.
template <class T>
bool dense_patterns(const T* const* p, const T* w, const Rectangle& rectangle, T init, T* const* out, int64_t n) {
    if (rectangle.height != 3 || rectangle.width != 3) return false;
    unsigned zeros = 0;
    for (int t = 0; t < 9; ++t) zeros |= static_cast<unsigned>(w[t] == 0) << t;
    constexpr unsigned corners = 0b101000101, column = 0b010010010, row = 0b000111000;
    switch (zeros) {
        case corners: return dense_square<T, 3, corners>(p, w, rectangle, init, out, n);
        case column: return dense_square<T, 3, column>(p, w, rectangle, init, out, n);
        case row: return dense_square<T, 3, row>(p, w, rectangle, init, out, n);
        default: return false;
    }
}
template <class T>
bool dense_squares(const T* const* p, const T* w, const Rectangle& rectangle, T init, T* const* out, int64_t n) {
    if (rectangle.gaps && dense_patterns(p, w, rectangle, init, out, n)) return true;
    return dense_square<T, 3>(p, w, rectangle, init, out, n) || dense_square<T, 5>(p, w, rectangle, init, out, n) ||
           // With fewer registers the tile that is loaded less often is faster.
           (kVectorBytes == 64 && dense_square<T, 7>(p, w, rectangle, init, out, n));
}

template <class T>
void dense(const T* const* p, const T* w, const Rectangle& rectangle, T init, T* const* out, int rows, int64_t n) {
    for (; rows >= 4 && dense_squares(p, w, rectangle, init, out, n); rows -= 4) {
        p += 4;
        out += 4;
    }
    while (rows > 0) {
        const int some = rows < rectangle.height ? rows : rectangle.height;  // a tile is not taller than the kernel
        switch (some) {
            case 1: dense_rows<T, 1>(p, w, rectangle, init, out, n); break;
            case 2: dense_rows<T, 2>(p, w, rectangle, init, out, n); break;
            case 3: dense_rows<T, 3>(p, w, rectangle, init, out, n); break;
            default: dense_rows<T, 4>(p, w, rectangle, init, out, n);
        }
        p += some < 4 ? some : 4;
        out += some < 4 ? some : 4;
        rows -= some < 4 ? some : 4;
    }
}

}  // namespace
