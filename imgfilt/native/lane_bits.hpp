// Vectors to bits. Compiled once per instruction set.
#pragma once

#include "simd.hpp"

namespace {

// One bit per lane of T: its sign, as a comparison's result has it.
template <class T, class M>
inline uint64_t lane_bits(M mask) {
    constexpr int lanes = VectorOf<T>::lanes;
#if defined(__AVX512BW__)
    if constexpr (sizeof(T) == 2) return _mm512_movepi16_mask((__m512i)mask);
    if constexpr (sizeof(T) == 4) return _mm512_movepi32_mask((__m512i)mask);
    if constexpr (sizeof(T) == 8) return _mm512_movepi64_mask((__m512i)mask);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 2) {
        const __m256i bytes = _mm256_packs_epi16((__m256i)mask, _mm256_setzero_si256());
        return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_permute4x64_epi64(bytes, 0xD8)));
    }
    if constexpr (sizeof(T) == 4) return static_cast<uint32_t>(_mm256_movemask_ps((__m256)mask));
    if constexpr (sizeof(T) == 8) return static_cast<uint32_t>(_mm256_movemask_pd((__m256d)mask));
#elif defined(__SSE2__)
    if constexpr (sizeof(T) == 2)
        return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16((__m128i)mask, _mm_setzero_si128())));
    if constexpr (sizeof(T) == 4) return static_cast<uint32_t>(_mm_movemask_ps((__m128)mask));
    if constexpr (sizeof(T) == 8) return static_cast<uint32_t>(_mm_movemask_pd((__m128d)mask));
#endif
    uint64_t bits = 0;
    for (int i = 0; i < lanes; ++i) bits |= static_cast<uint64_t>(mask[i] < 0) << i;
    return bits;
}

}  // namespace
