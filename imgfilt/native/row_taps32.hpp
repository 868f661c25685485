// Weighted sums of 16-bit elements in 32 bits, two taps at a time.
#pragma once

#include "row_taps.hpp"

namespace {

inline int32_t sum_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int64_t x) {
    uint32_t sum = static_cast<uint32_t>(init);
    for (int t = 0; t < k; ++t) sum += static_cast<uint32_t>(p[t][x] * w[t]);
    return static_cast<int32_t>(sum);
}
inline uint8_t saturate_u8(int32_t v) { return static_cast<uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v); }

#if defined(IMGFILT_PAIRS)
constexpr int kMostPairs = 64;  // whose weights are kept as they are used

// Whether taps are of neighbouring elements, each one after the last.
inline bool side_by_side(const int16_t* const* p, int k) {
    for (int t = 1; t < k; ++t)
        if (p[t] != p[t - 1] + 1) return false;
    return k > 1;
}

// Taps two at a time by multiply-add of pairs; an odd last tap is paired with itself, or the one before, at weight 0.
// Pointers and weights are copies, which the stores to the row cannot change; K is 0 where their number is not known to
// the compiler. Taps `Beside` one another lie in pairs already: those of every second sum, and of the sums between.
template <int K, bool Beside>
class PairSum {
  public:
    PairSum(const int16_t* const* p, const int16_t* w, int k, int32_t init)
        : p_(p), w_(w), k_(k), init_(splat32(init)) {
        for (int t = 0; t < K; t += 2) weights_[t / 2] = splat32(pair_weights(t));
        if (K == 0)
            for (int t = 0; t < k && t < 2 * kMostPairs; t += 2) many_[t / 2] = pair_weights(t);
    }
    void at(int64_t x, Pairs& low, Pairs& high) const {
        if constexpr (Beside) {
            Pairs even, odd;
            between(x, even, odd);
            low = interleave32_low(even, odd);
            high = interleave32_high(even, odd);
            return;
        }
        const int count = K > 0 ? K : k_;
        low = high = init_;
#pragma GCC unroll 10
        for (int t = 0; t < count; t += 2) {
            const Pairs a = load_once(p_.data[t] + x);
            const Pairs b = t + 1 == count ? a : load_once(p_.data[t + 1] + x);
            const Pairs weights = weights_of(t);
            low = add32(low, multiply_add(interleave_low(a, b), weights));
            high = add32(high, multiply_add(interleave_high(a, b), weights));
        }
    }
    void between(int64_t x, Pairs& even, Pairs& odd) const {
        const int count = K > 0 ? K : k_;
        const int16_t* const first = p_.data[0] + x;
        even = odd = init_;
#pragma GCC unroll 10
        for (int t = 0; t < count; t += 2) {
            const int16_t* const pair = first + (t + 1 == count ? t - 1 : t);
            const Pairs weights = weights_of(t);
            even = add32(even, multiply_add(load_pairs(pair), weights));
            odd = add32(odd, multiply_add(load_pairs(pair + 1), weights));
        }
    }

  private:
    Pairs weights_of(int t) const {
        if (K > 0) return weights_[t / 2];
        return splat32(t < 2 * kMostPairs ? many_[t / 2] : pair_weights(t));
    }
    int32_t pair_weights(int t) const {
        const bool single = t + 1 == (K > 0 ? K : k_);
        const uint32_t own = static_cast<uint16_t>(w_[t]), other = single ? 0u : static_cast<uint16_t>(w_[t + 1]);
        return static_cast<int32_t>(single && Beside ? own << 16 : other << 16 | own);
    }
    // Both halves are used: without this the compiler loads twice, and a load across two cache lines counts double.
    static Pairs load_once(const int16_t* p) {
        Pairs v = load_pairs(p);
        asm("" : "+v"(v));
        return v;
    }

    const Few<const int16_t*, K> p_;
    const int16_t* w_;
    const int k_;
    const Pairs init_;
    Pairs weights_[K > 0 ? (K + 1) / 2 : 1];
    int32_t many_[K > 0 ? 1 : kMostPairs];
};

// 16 bits of each sum.
template <int K, bool Beside>
inline Pairs shifted_sums(const PairSum<K, Beside>& sum, int shift, int64_t x) {
    Pairs low, high;
    if constexpr (Beside)
        if (shift == 16) {
            sum.between(x, low, high);
            return high_halves(low, high);
        }
    sum.at(x, low, high);
    return pack_i16(shift_right32(low, shift), shift_right32(high, shift));
}

template <int K, bool Beside>
int64_t pairs_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out, int64_t n,
                 imgfilt::NextRows* next) {
    constexpr int step = 2 * kPairLanes;
    if (n < step) return 0;
    const PairSum<K, Beside> sum(p, w, k, init);
    const auto at = [&](int64_t x) {
        store_u8(out + x, shifted_sums(sum, shift, x), shifted_sums(sum, shift, x + kPairLanes));
    };
    imgfilt::NextRows ahead = *next;
    int64_t x = 0;
    for (; x + step <= n; x += step) {
        if (x % 64 == 0) fetch_lines<1>(ahead);
        at(x);
    }
    if (x < n) at(n - step);
    *next = ahead;
    return n;
}

template <int K>
int64_t pairs_row_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out, int64_t n,
                     imgfilt::NextRows* next) {
    if (side_by_side(p, k)) return pairs_u8<K, true>(p, w, k, init, shift, out, n, next);
    return pairs_u8<K, false>(p, w, k, init, shift, out, n, next);
}

template <int K, bool Beside>
int64_t pairs_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int32_t* out, int64_t n) {
    if (n < kPairLanes) return 0;
    const PairSum<K, Beside> sum(p, w, k, init);
    const auto at = [&](int64_t x) {
        Pairs low, high;
        sum.at(x, low, high);
        store_in_order(out + x, low, high);
    };
    int64_t x = 0;
    for (; x + kPairLanes <= n; x += kPairLanes) at(x);
    if (x < n) at(n - kPairLanes);
    return n;
}

template <int K>
int64_t pairs_row_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int32_t* out, int64_t n) {
    if (side_by_side(p, k)) return pairs_i32<K, true>(p, w, k, init, out, n);
    return pairs_i32<K, false>(p, w, k, init, out, n);
}
#endif

void taps_i16_i32(const int16_t* const* p, const int16_t* w, int k, int32_t init, int32_t* out, int64_t n) {
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    switch (k) {
        case 3: x = pairs_row_i32<3>(p, w, k, init, out, n); break;
        case 5: x = pairs_row_i32<5>(p, w, k, init, out, n); break;
        case 7: x = pairs_row_i32<7>(p, w, k, init, out, n); break;
        case 9: x = pairs_row_i32<9>(p, w, k, init, out, n); break;
        case 11: x = pairs_row_i32<11>(p, w, k, init, out, n); break;
        case 13: x = pairs_row_i32<13>(p, w, k, init, out, n); break;
        case 15: x = pairs_row_i32<15>(p, w, k, init, out, n); break;
        case 17: x = pairs_row_i32<17>(p, w, k, init, out, n); break;
        case 19: x = pairs_row_i32<19>(p, w, k, init, out, n); break;
        default: x = pairs_row_i32<0>(p, w, k, init, out, n);
    }
#endif
    for (; x < n; ++x) out[x] = sum_i32(p, w, k, init, x);
}

void taps_i16_u8(const int16_t* const* p, const int16_t* w, int k, int32_t init, int shift, uint8_t* out, int64_t n,
                 [[maybe_unused]] imgfilt::NextRows* next) {
    int64_t x = 0;
#if defined(IMGFILT_PAIRS)
    switch (k) {
        case 3: x = pairs_row_u8<3>(p, w, k, init, shift, out, n, next); break;
        case 5: x = pairs_row_u8<5>(p, w, k, init, shift, out, n, next); break;
        case 7: x = pairs_row_u8<7>(p, w, k, init, shift, out, n, next); break;
        case 9: x = pairs_row_u8<9>(p, w, k, init, shift, out, n, next); break;
        case 11: x = pairs_row_u8<11>(p, w, k, init, shift, out, n, next); break;
        case 13: x = pairs_row_u8<13>(p, w, k, init, shift, out, n, next); break;
        case 15: x = pairs_row_u8<15>(p, w, k, init, shift, out, n, next); break;
        case 17: x = pairs_row_u8<17>(p, w, k, init, shift, out, n, next); break;
        case 19: x = pairs_row_u8<19>(p, w, k, init, shift, out, n, next); break;
        default: x = pairs_row_u8<0>(p, w, k, init, shift, out, n, next);
    }
#endif
    for (; x < n; ++x) out[x] = saturate_u8(sum_i32(p, w, k, init, x) >> shift);
}

}  // namespace
