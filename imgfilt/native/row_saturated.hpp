// 16-bit sums saturated to 8 bits: integer kernels on 8-bit images.
#pragma once

#include "row_taps16.hpp"

namespace {

inline uint8_t saturated(uint16_t sum) {
    const int16_t v = static_cast<int16_t>(sum);
    return static_cast<uint8_t>(v < 0 ? 0 : v > 255 ? 255 : v);
}

template <class In>
void saturated_loop(const In* const* p, const int16_t* w, int k, int16_t init, uint8_t* out, int64_t n) {
    for (int64_t x = 0; x < n; ++x) {
        uint32_t sum = static_cast<uint16_t>(init);
        for (int t = 0; t < k; ++t) sum += static_cast<uint32_t>(p[t][x] * w[t]);
        out[x] = saturated(static_cast<uint16_t>(sum));
    }
}

#if defined(IMGFILT_PAIRS)
// A vector of bytes at a time, their taps two by two; an odd last one is paired with itself at weight 0.
template <int K>
class ByteSum {
  public:
    ByteSum(const uint8_t* const* p, const int16_t* w, int k, int16_t init)
        : p_(p), w_(w), k_(k), init_(splat16(init)) {
        for (int t = 0; t < K; t += 2) weights_[t / 2] = pair_weights(t);
    }
    Pairs at(int64_t x) const {
        const int count = K > 0 ? K : k_;
        Pairs low = init_, high = init_;
#pragma GCC unroll 16
        for (int t = 0; t < count; t += 2) {
            const Pairs a = load_bytes(p_.data[t] + x);
            const Pairs b = t + 1 == count ? a : load_bytes(p_.data[t + 1] + x);
            const Pairs weights = K > 0 ? weights_[t / 2] : pair_weights(t);
            low = add16(low, multiply_add_bytes(interleave_bytes_low(a, b), weights));
            high = add16(high, multiply_add_bytes(interleave_bytes_high(a, b), weights));
        }
        return pack_u8(low, high);
    }

  private:
    Pairs pair_weights(int t) const {
        const int count = K > 0 ? K : k_;
        const int second = t + 1 == count ? 0 : w_[t + 1];
        return splat16(static_cast<int16_t>(second * 256 + (w_[t] & 255)));
    }

    const Few<const uint8_t*, K> p_;
    const int16_t* w_;
    const int k_;
    const Pairs init_;
    Pairs weights_[K > 0 ? (K + 1) / 2 : 1];
};

template <int K>
void saturated_bytes(const uint8_t* const* p, const int16_t* w, int k, int16_t init, uint8_t* out, int64_t n) {
    const ByteSum<K> sum(p, w, k, init);
    int64_t x = 0;
    for (; x + kVectorBytes <= n; x += kVectorBytes) store(out + x, sum.at(x));
    if (x < n) store(out + n - kVectorBytes, sum.at(n - kVectorBytes));
}
#endif

void taps_saturated_u8(const uint8_t* const* p, const int16_t* w, int k, int16_t init, uint8_t* out, int64_t n) {
#if defined(IMGFILT_PAIRS)
    if (n >= kVectorBytes) switch (k) {
            case 4: return saturated_bytes<4>(p, w, k, init, out, n);
            case 5: return saturated_bytes<5>(p, w, k, init, out, n);
            case 6: return saturated_bytes<6>(p, w, k, init, out, n);
            case 8: return saturated_bytes<8>(p, w, k, init, out, n);
            case 9: return saturated_bytes<9>(p, w, k, init, out, n);
            default: return saturated_bytes<0>(p, w, k, init, out, n);
        }
#endif
    saturated_loop(p, w, k, init, out, n);
}

#if defined(IMGFILT_PAIRS)
template <int K>
void saturated_row(const uint16_t* const* pointers, const uint16_t* weights, int k, uint16_t init, uint8_t* out,
                   int64_t n) {
    const Few<const uint16_t*, K> p(pointers);
    const Few<uint16_t, K> w(weights);
    const auto at = [&](int64_t x) {
        store_u8(out + x, (Pairs)sum_u16<K>(p.data, w.data, k, init, x),
                 (Pairs)sum_u16<K>(p.data, w.data, k, init, x + kPairLanes));
    };
    int64_t x = 0;
    for (; x + 2 * kPairLanes <= n; x += 2 * kPairLanes) at(x);
    if (x < n) at(n - 2 * kPairLanes);
}
#endif

void taps_saturated_i16(const int16_t* const* p, const int16_t* w, int k, int16_t init, uint8_t* out, int64_t n) {
#if defined(IMGFILT_PAIRS)
    const auto q = reinterpret_cast<const uint16_t* const*>(p);
    const auto v = reinterpret_cast<const uint16_t*>(w);
    const auto i = static_cast<uint16_t>(init);
    if (n >= 2 * kPairLanes) switch (k) {
            case 2: return saturated_row<2>(q, v, k, i, out, n);
            case 3: return saturated_row<3>(q, v, k, i, out, n);
            case 5: return saturated_row<5>(q, v, k, i, out, n);
            case 9: return saturated_row<9>(q, v, k, i, out, n);
            default: return saturated_row<0>(q, v, k, i, out, n);
        }
#endif
    saturated_loop(p, w, k, init, out, n);
}

}  // namespace
