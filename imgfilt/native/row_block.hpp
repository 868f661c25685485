// Sums of several rows, or of several vectors of a row, in registers at once, so that what is loaded is used more than
// once. Whatever the block, an element's sum is made in the same order.
#pragma once

#include "row_taps16.hpp"

namespace {

using imgfilt::kBlockRows;

// R rows of V vectors: out[r] = init + sum over t < k of w[t] * p[t + r]. A row that is loaded goes into all sums.
template <class In, class T, int R, int V>
class Columns {
  public:
    Columns(const In* const* p, const T* w) : p_(p), w_(w) {}

    inline __attribute__((always_inline)) void at(int k, int runs, T init, T* const* out, int64_t x) {
        x_ = x;
        sum_taps(0, k / runs);
        for (int r = 0; r < R; ++r)
            for (int b = 0; b < V; ++b) sum_[r][b] += splat(init);
        for (int run = 1; run < runs; ++run) {
            Vec<T> total[R][V];
            std::memcpy(total, sum_, sizeof total);
            sum_taps(k * run / runs, k * (run + 1) / runs);
            for (int r = 0; r < R; ++r)
                for (int b = 0; b < V; ++b) sum_[r][b] += total[r][b];
        }
        for (int r = 0; r < R; ++r)
            for (int b = 0; b < V; ++b) store(out[r] + x + b * lanes, sum_[r][b]);
    }

  private:
    static constexpr int lanes = VectorOf<T>::lanes;

    inline __attribute__((always_inline)) void sum_taps(int first, int last) {
        for (int r = 0; r < R; ++r)
            for (int b = 0; b < V; ++b) sum_[r][b] = Vec<T>{};
        begin<1>(first);
        for (int s = first + R - 1; s < last; ++s) take<0, R>(s);
        end<1>(last);
    }
    // The source rows that belong to the first sums only, and those that belong to the last ones only.
    template <int Rows>
    inline __attribute__((always_inline)) void begin(int s) {
        if constexpr (Rows < R) {
            take<0, Rows>(s);
            begin<Rows + 1>(s + 1);
        }
    }
    template <int Rows>
    inline __attribute__((always_inline)) void end(int s) {
        if constexpr (Rows < R) {
            take<Rows, R>(s);
            end<Rows + 1>(s + 1);
        }
    }
    // Source row s to the sums of rows First .. Last - 1.
    template <int First, int Last>
    inline __attribute__((always_inline)) void take(int s) {
        const In* row = p_[s] + x_;
        Vec<T> v[V];
        for (int b = 0; b < V; ++b) v[b] = load_as<In, T>(row + b * lanes);
        for (int r = First; r < Last; ++r)
            for (int b = 0; b < V; ++b) sum_[r][b] = add_product(sum_[r][b], v[b], w_[s - r]);
    }

    const In* const* const p_;
    const T* const w_;
    int64_t x_ = 0;
    Vec<T> sum_[R][V];
};

template <class In, class T, int R>
void columns_rows(const In* const* p, const T* w, int k, T init, T* const* out, int64_t n) {
    constexpr int lanes = VectorOf<T>::lanes, V = kVectorBytes == 64 ? 16 / (R < 4 ? 4 : R) : (R < 8 ? 2 : 1);
    const int runs = Same<T, uint16_t>::value ? 1 : (k + kRun - 1) / kRun;  // all about as long
    int64_t x = 0;
    for (; x + V * lanes <= n; x += V * lanes) Columns<In, T, R, V>(p, w).at(k, runs, init, out, x);
    for (; x + lanes <= n; x += lanes) Columns<In, T, R, 1>(p, w).at(k, runs, init, out, x);
    if (x == n) return;
    if (n >= lanes) return Columns<In, T, R, 1>(p, w).at(k, runs, init, out, n - lanes);
    for (; x < n; ++x)
        for (int r = 0; r < R; ++r) {
            T total = 0;
            for (int run = 0; run < runs; ++run) {
                T sum = 0;
                for (int t = k * run / runs; t < k * (run + 1) / runs; ++t)
                    sum = add_product(sum, static_cast<T>(p[t + r][x]), w[t]);
                total = static_cast<T>(run == 0 ? sum + init : sum + total);
            }
            out[r][x] = total;
        }
}

template <class T>
void columns(const T* const* p, const T* w, int k, T init, T* const* out, int rows, int64_t n) {
    static_assert(kBlockRows == 8);
    if (rows == 8 && k >= 8) return columns_rows<T, T, 8>(p, w, k, init, out, n);
    int r = 0;
    for (; r + 4 <= rows && k >= 4; r += 4) columns_rows<T, T, 4>(p + r, w, k, init, out + r, n);
    for (; r < rows; ++r) columns_rows<T, T, 1>(p + r, w, k, init, out + r, n);
}

// Two rows of a short sum whose weights are the same from both ends: what shares a weight is added first.
template <int K>
bool two_symmetric_rows(const uint8_t* const* pointers, const uint16_t* weights, int k, uint16_t init,
                        uint16_t* const* out, int64_t n) {
    constexpr int lanes = VectorOf<uint16_t>::lanes, half = K / 2;
    if (k != K || n < lanes) return false;
    for (int t = 0; t < half; ++t)
        if (weights[t] != weights[K - 1 - t]) return false;
    const Few<const uint8_t*, K + 1> p(pointers);
    const Few<uint16_t, half + 1> w(weights);
    uint16_t *const first = out[0], *const second = out[1];
    const auto at = [&](int64_t x) {
        Vec<uint16_t> v[K + 1];
        for (int s = 0; s <= K; ++s) v[s] = load_as<uint8_t, uint16_t>(p.data[s] + x);
        Vec<uint16_t> sum[2];
        for (int r = 0; r < 2; ++r) {
            sum[r] = add_product(Vec<uint16_t>{} + init, v[r + half], w.data[half]);
            for (int t = 0; t < half; ++t) sum[r] = add_product(sum[r], v[r + t] + v[r + K - 1 - t], w.data[t]);
        }
        store(first + x, sum[0]);
        store(second + x, sum[1]);
    };
    int64_t x = 0;
    for (; x + lanes <= n; x += lanes) at(x);
    if (x < n) at(n - lanes);
    return true;
}

void columns_u8_i16(const uint8_t* const* p, const int16_t* signed_w, int k, int16_t signed_init, int16_t* const* sums,
                    int rows, int64_t n) {
    const auto w = reinterpret_cast<const uint16_t*>(signed_w);
    const auto init = static_cast<uint16_t>(signed_init);
    uint16_t* out[kBlockRows];
    for (int r = 0; r < rows; ++r) out[r] = reinterpret_cast<uint16_t*>(sums[r]);
    if (rows == 2 && (two_symmetric_rows<5>(p, w, k, init, out, n) || two_symmetric_rows<7>(p, w, k, init, out, n)))
        return;
    int r = 0;
    for (; r + 4 <= rows && k >= 4; r += 4) columns_rows<uint8_t, uint16_t, 4>(p + r, w, k, init, out + r, n);
    for (; r + 2 <= rows && k >= 2; r += 2) columns_rows<uint8_t, uint16_t, 2>(p + r, w, k, init, out + r, n);
    for (; r < rows; ++r) taps_u8_i16(p + r, signed_w, k, signed_init, sums[r], n);
}

// Taps a whole number of vectors apart see the same shifted vectors of the input: tap t + period sees at vector i what
// tap t sees at vector i + Apart. Each is loaded once for up to kShared of them.
constexpr int kShared = 4;

template <class T, int B, int Apart>
class Along {
  public:
    Along(const T* in, const T* w, int k, int step, int period) : in_(in), w_(w), k_(k), step_(step), period_(period) {}

    void at(T init, T* out, int64_t x) {
        x_ = x;
        run_ = 0;
        for (int b = 0; b < B; ++b) {
            total_[b] = splat(init);
            sum_[b] = Vec<T>{};
        }
        int first = 0;
        for (; k_ - first >= kShared * period_; first += kShared * period_) taps<kShared>(first, first + period_);
        const int rest = k_ - first, whole = rest / period_, longer = first + rest % period_;
        switch (whole) {
            case 0: taps<1>(first, longer); break;
            case 1: two<1>(first, longer); break;
            case 2: two<2>(first, longer); break;
            default: two<3>(first, longer);
        }
        for (int b = 0; b < B; ++b) store(out + x + b * lanes, total_[b] + sum_[b]);
    }

  private:
    static constexpr int lanes = VectorOf<T>::lanes;

    template <int Q>
    inline __attribute__((always_inline)) void two(int first, int longer) {
        taps<Q + 1>(first, longer);
        taps<Q>(longer, first + period_);
    }
    // Taps t, t + period, ... Q of them, for each t from `first` to `end` - 1.
    template <int Q>
    inline __attribute__((always_inline)) void taps(int first, int end) {
        for (int t = first; t < end; ++t) {
            if (run_ + Q > kRun) {
                for (int b = 0; b < B; ++b) {
                    total_[b] += sum_[b];
                    sum_[b] = Vec<T>{};
                }
                run_ = 0;
            }
            run_ += Q;
            const T* from = in_ + x_ + int64_t{t} * step_;
            Vec<T> weights[Q];
#pragma GCC unroll 4
            for (int q = 0; q < Q; ++q) weights[q] = splat(w_[t + q * period_]);
#pragma GCC unroll 32
            for (int i = 0; i < B + Apart * (Q - 1); ++i) {
                const auto v = load<Vec<T>>(from + i * lanes);
#pragma GCC unroll 4
                for (int q = 0; q < Q; ++q) {
                    const int b = i - q * Apart;
                    if (b >= 0 && b < B) sum_[b] = fused(v, weights[q], sum_[b]);
                }
            }
        }
    }

    const T* const in_;
    const T* const w_;
    const int k_, step_, period_;
    int64_t x_ = 0;
    int run_ = 0;
    Vec<T> total_[B], sum_[B];
};

template <class T, int Apart>
void along_row(const T* in, const T* w, int k, int step, int period, T init, T* out, int64_t n) {
    constexpr int lanes = VectorOf<T>::lanes, B = kVectorBytes == 64 ? 8 : 6;
    int64_t x = 0;
    for (; x + B * lanes <= n; x += B * lanes) Along<T, B, Apart>(in, w, k, step, period).at(init, out, x);
    for (; x + 2 * lanes <= n; x += 2 * lanes) Along<T, 2, Apart>(in, w, k, step, period).at(init, out, x);
    for (; x + lanes <= n; x += lanes) Along<T, 1, Apart>(in, w, k, step, period).at(init, out, x);
    if (x < n) Along<T, 1, Apart>(in, w, k, step, period).at(init, out, n - lanes);
}

// out[x] = init + sum over t < k of w[t] * in[x + t * step]; false where rows are too short, or steps have no such
// order.
template <class T>
bool along(const T* in, const T* w, int k, int step, T init, T* out, int64_t n) {
    constexpr int lanes = VectorOf<T>::lanes;
    int period = lanes;
    while (period > 1 && period / 2 * step % lanes == 0) period /= 2;
    const int apart = period * step / lanes;
    if (n < lanes) return false;
    if (apart == 1)
        along_row<T, 1>(in, w, k, step, period, init, out, n);
    else if (apart == 3)
        along_row<T, 3>(in, w, k, step, period, init, out, n);
    else
        return false;
    return true;
}

}  // namespace
