// Medians of 3x3, 5x5 and 7x7 by sorting networks. Compiled once per instruction set.
//
// Every input row is sorted once across each window's width; the rows below share that work. Of `size` such
// rows only those elements are kept, after sorting down the columns, which can still be the median of a
// matrix sorted both ways (the others have too many elements certainly above or below them). A short network
// then selects among them. Its correctness needs to be checked only for matrices of 0 and 1 sorted both ways
// (Knuth's 0-1 principle), of which there are C(2 * size, size): tests/test_area.py does. The networks were
// found by removing, moving and replacing comparators at random while that check held.
// Separable sorting networks as a way to medians: A. Adams, "Fast median filters using separable sorting
// networks", 2021.
#pragma once

#include "area_kernels.hpp"
#include "simd.hpp"

namespace {

struct Pair {
    unsigned char low, high;
};

template <int size>
struct Network;

// `whole` sorts `size` elements, `inner` sorts size - 1; `select` acts on the kept elements, column by column.
template <>
struct Network<3> {
    static constexpr Pair whole[] = {{0, 1}, {1, 2}, {0, 1}};
    static constexpr Pair inner[] = {{0, 1}};
    static constexpr Pair select[] = {{0, 2}, {1, 0}, {2, 0}};
    static constexpr int kept = 3, selected = 2;
};
template <>
struct Network<5> {
    static constexpr Pair whole[] = {{0, 1}, {3, 4}, {2, 4}, {2, 3}, {1, 4}, {0, 3}, {0, 2}, {1, 3}, {1, 2}};
    static constexpr Pair inner[] = {{0, 1}, {2, 3}, {0, 2}, {1, 3}, {1, 2}};
    static constexpr Pair select[] = {{1, 9},  {6, 11}, {11, 7}, {0, 2},  {3, 12}, {10, 3}, {8, 5}, {9, 4},
                                      {10, 5}, {11, 9}, {2, 1},  {5, 11}, {6, 1},  {11, 1}, {11, 5}};
    static constexpr int kept = 13, selected = 5;
};
template <>
struct Network<7> {
    static constexpr Pair whole[] = {{0, 6}, {2, 3}, {4, 5}, {0, 2}, {1, 4}, {3, 6}, {0, 1}, {2, 5},
                                     {3, 4}, {1, 2}, {4, 6}, {2, 3}, {4, 5}, {1, 2}, {3, 4}, {5, 6}};
    static constexpr Pair inner[] = {{0, 5}, {1, 3}, {2, 4}, {1, 2}, {3, 4}, {0, 3},
                                     {2, 5}, {0, 1}, {2, 3}, {4, 5}, {1, 2}, {3, 4}};
    static constexpr Pair select[] = {
        {1, 21},  {11, 28}, {23, 14}, {6, 20},  {9, 6},   {10, 14}, {7, 1},  {1, 12}, {17, 13}, {15, 25}, {13, 2},
        {23, 4},  {0, 19},  {4, 10},  {9, 26},  {18, 9},  {26, 5},  {4, 9},  {6, 24}, {2, 10},  {19, 26}, {4, 13},
        {26, 11}, {6, 9},   {5, 9},   {15, 27}, {22, 16}, {26, 10}, {8, 22}, {15, 2}, {12, 6},  {15, 19}, {19, 6},
        {26, 22}, {26, 13}, {5, 2},   {6, 22},  {19, 13}, {13, 5},  {6, 3},  {5, 3},  {5, 13}};
    static constexpr int kept = 29, selected = 13;
};

// Element `row` of the column of rank `t` can be the median.
constexpr bool keeps(int size, int row, int t) {
    const int half = (size * size + 1) / 2;
    return (row + 1) * (t + 1) <= half && (size - row) * (size - t) <= half;
}

template <class V>
inline V least(V a, V b) {
    return a < b ? a : b;
}
template <class V>
inline V greatest(V a, V b) {
    return a < b ? b : a;
}

template <int i, int n, class V>
inline __attribute__((always_inline)) void sort_from(const Pair (&net)[n], V* v) {
    if constexpr (i < n) {
        const V a = v[net[i].low], b = v[net[i].high];
        v[net[i].low] = least(a, b);
        v[net[i].high] = greatest(a, b);
        sort_from<i + 1>(net, v);
    }
}

template <class T, int size>
void rank_row(const void* in_, int64_t step, void* ranks_, int64_t pitch, int64_t n) {
    typedef Vec<T> V;
    const T* in = static_cast<const T*>(in_);
    T* ranks = static_cast<T*>(ranks_);
    for (int64_t x = 0; x < n; x += VectorOf<T>::lanes) {
        V v[size];
#pragma GCC unroll 8
        for (int i = 0; i < size; ++i) v[i] = load<V>(in + x + i * step);
        sort_from<0>(Network<size>::whole, v);
#pragma GCC unroll 8
        for (int t = 0; t < size; ++t) store(ranks + t * pitch + x, v[t]);
    }
}

// The kept elements of rank t of the size - 1 sorted rows `inner` and one more.
template <int size, int t, int row, class V>
inline __attribute__((always_inline)) V* merge(const V* inner, V extra, V* out) {
    if constexpr (row < size) {
        if constexpr (keeps(size, row, t)) {
            V v = extra;
            if constexpr (row < size - 1) v = least(v, inner[row]);
            if constexpr (row > 0) v = greatest(v, inner[row - 1]);
            *out++ = v;
        }
        return merge<size, t, row + 1>(inner, extra, out);
    } else {
        return out;
    }
}

template <int size, int t, class T, class V>
inline __attribute__((always_inline)) void gather_kept(const T* const* rows, int64_t at, int64_t pitch, V* first,
                                                       V* second) {
    if constexpr (t < size) {
        V inner[size - 1];
#pragma GCC unroll 8
        for (int i = 0; i < size - 1; ++i) inner[i] = load<V>(rows[i + 1] + at + t * pitch);
        sort_from<0>(Network<size>::inner, inner);
        first = merge<size, t, 0>(inner, load<V>(rows[0] + at + t * pitch), first);
        second = merge<size, t, 0>(inner, load<V>(rows[size] + at + t * pitch), second);
        gather_kept<size, t + 1, T>(rows, at, pitch, first, second);
    }
}

template <class T, int size>
void median_rows(const void* const* rows_, int64_t pitch, void* out0_, void* out1_, int64_t n,
                 const void* const* next) {
    typedef Vec<T> V;
    typedef Network<size> Net;
    constexpr int lanes = VectorOf<T>::lanes;
    const T* rows[size + 1];
    for (int i = 0; i <= size; ++i) rows[i] = static_cast<const T*>(rows_[i]);
    T *out0 = static_cast<T*>(out0_), *out1 = static_cast<T*>(out1_);
    for (int64_t x = 0; x < n; x += lanes) {
        for (int i = 0; i < 2; ++i) {
            __builtin_prefetch(static_cast<const char*>(next[i]) + x * static_cast<int64_t>(sizeof(T)));
            __builtin_prefetch(static_cast<const char*>(next[i + 2]) + x * static_cast<int64_t>(sizeof(T)), 1);
        }
        V first[Net::kept], second[Net::kept];
        gather_kept<size, 0, T>(rows, x, pitch, first, second);
        sort_from<0>(Net::select, first);
        sort_from<0>(Net::select, second);
        const V upper = first[Net::selected], lower = second[Net::selected];
        if (x + lanes <= n) {
            store(out0 + x, upper);
            store(out1 + x, lower);
        } else {
            const size_t rest = static_cast<size_t>(n - x) * sizeof(T);
            __builtin_memcpy(out0 + x, &upper, rest);
            __builtin_memcpy(out1 + x, &lower, rest);
        }
    }
}

#define IMGFILT_EACH_SIZE(f, T) {f<T, 3>, f<T, 5>, f<T, 7>}
#define IMGFILT_EACH_KEY(f)                                                                        \
    {IMGFILT_EACH_SIZE(f, uint8_t), IMGFILT_EACH_SIZE(f, uint16_t), IMGFILT_EACH_SIZE(f, int32_t), \
     IMGFILT_EACH_SIZE(f, int64_t)}

}  // namespace
