// Medians of 3x3, 5x5 and 7x7 by sorting networks. Compiled once per instruction set.
//
// Going down a register's width of columns, every input row is sorted once across each window's width, and two
// output rows share the sorting of the rows that both have. Of `size` such rows only those elements are kept, after
// sorting down the columns, which can still be the median of a matrix sorted both ways (the others have too many
// elements certainly above or below them). A short network then selects among them. Its correctness needs to be checked
// only for matrices of 0 and 1 sorted both ways (Knuth's 0-1 principle), of which there are C(2 * size, size):
// tests/test_area.py does. The networks were found by removing, moving and replacing comparators at random while that
// check held. Separable sorting networks as a way to medians: A. Adams, "Fast median filters using separable sorting
// networks", 2021.
#pragma once

#include "area_kernels.hpp"
#include "lane_bits.hpp"
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

// Elements as integers that sort as they do.
template <class T>
struct Order {
    typedef Vec<T> Keys;
    static constexpr bool real = false;
    static Keys keys(Vec<T> v) { return v; }
    static Vec<T> values(Keys v) { return v; }
};
// Floats: NaNs of either sign are the largest (the subtraction carries negative ones around), -0 is smaller than 0.
template <class F, class U, class I, U lowest>
struct FloatOrder {
    typedef Vec<U> Keys;
    static constexpr bool real = true;
    static constexpr int bits = sizeof(U) * 8 - 1;
    static Keys keys(Vec<F> v) { return ((Keys)v ^ ((Keys)((Vec<I>)v >> bits) | U(1) << bits)) - lowest; }
    static Vec<F> values(Keys v) {
        v += lowest;
        return (Vec<F>)(v ^ (~(Keys)((Vec<I>)v >> bits) | U(1) << bits));
    }
};
template <>
struct Order<float> : FloatOrder<float, uint32_t, int32_t, 0x007fffff> {};
template <>
struct Order<double> : FloatOrder<double, uint64_t, int64_t, 0x000fffffffffffff> {};
// Floats without a sign sort as their bits do.
template <class F>
struct PlainOrder {
    typedef Vec<typename Pick<sizeof(F) == 4, int32_t, int64_t>::type> Keys;
    static Keys keys(Vec<F> v) { return (Keys)v; }
    static Vec<F> values(Keys v) { return (Vec<F>)v; }
};

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

// Sorts the `size` elements of one row in each window into v; returns all of them joined by `or`.
template <class O, class T, int size, class V>
inline __attribute__((always_inline)) V sorted_row(const void* row, int64_t x, int64_t step, V* v) {
    const T* in = static_cast<const T*>(row) + x;
    V any = {};
#pragma GCC unroll 8
    for (int i = 0; i < size; ++i) any |= v[i] = O::keys(load<Vec<T>>(in + i * step));
    sort_from<0>(Network<size>::whole, v);
    return any;
}

// Elements of a column of `size` that can be the median, of the size - 1 sorted ones `inner` and one more.
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

template <int size, int t, class V>
inline __attribute__((always_inline)) void merge_all(const V (*inner)[size - 1], const V* extra, V* out) {
    if constexpr (t < size) merge_all<size, t + 1>(inner, extra, merge<size, t, 0>(inner[t], extra[t], out));
}

// The medians of rows[0 .. size - 1] and rows[1 .. size], all sorted.
template <int size, class V>
inline __attribute__((always_inline)) void two_medians(const V (*rows)[size], V* out) {
    typedef Network<size> Net;
    V inner[size][size - 1];
#pragma GCC unroll 8
    for (int t = 0; t < size; ++t) {
#pragma GCC unroll 8
        for (int i = 0; i < size - 1; ++i) inner[t][i] = rows[i + 1][t];
        sort_from<0>(Net::inner, inner[t]);
    }
    for (int i = 0; i < 2; ++i) {
        V kept[Net::kept];
        merge_all<size, 0>(inner, rows[i * size], kept);
        sort_from<0>(Net::select, kept);
        out[i] = kept[Net::selected];
    }
}

// Bytes further along new rows that are fetched: more rows at once than the processor follows by itself.
constexpr int64_t kAhead = 1024;

// A register's width of `count` output rows (even). Returns all elements joined by `or`.
template <class O, class T, int size, int count>
inline __attribute__((always_inline)) auto medians_at(const void* const* rows, void* const* out, int64_t x,
                                                      int64_t step, int64_t n) {
    typedef typename O::Keys V;
    V sorted[count + size - 1][size], any = {};
#pragma GCC unroll 8
    for (int i = 0; i < size - 1; ++i) any |= sorted_row<O, T, size>(rows[i], x, step, sorted[i]);
    const auto two_rows = [&](int i) __attribute__((always_inline)) {
        const int64_t ahead = x * static_cast<int64_t>(sizeof(T)) + kAhead;
        V found[2];
        for (int j = i; j < i + 2; ++j) {
            __builtin_prefetch(static_cast<const char*>(rows[j + size - 1]) + ahead);
            __builtin_prefetch(static_cast<const char*>(out[j]) + ahead, 1);
            any |= sorted_row<O, T, size>(rows[j + size - 1], x, step, sorted[j + size - 1]);
        }
        two_medians<size>(sorted + i, found);
        for (int j = 0; j < 2; ++j) {
            const Vec<T> v = O::values(found[j]);
            if (n >= VectorOf<T>::lanes)
                store(static_cast<T*>(out[i + j]) + x, v);
            else
                __builtin_memcpy(out[i + j], &v, static_cast<size_t>(n) * sizeof(T));
        }
    };
#pragma GCC unroll 1
    for (int i = 0; i < count; i += 2) two_rows(i);
    return any;
}

template <class T, int size, int count>
inline __attribute__((always_inline)) void median_block(const void* const* rows, void* const* out, int64_t step,
                                                        int64_t n) {
    constexpr int lanes = VectorOf<T>::lanes;
    const int64_t last = n > lanes ? n - lanes : 0;
    bool plain = Order<T>::real;
    for (int64_t x = 0;; x = x + lanes < last ? x + lanes : last) {
        if constexpr (Order<T>::real)
            if (plain) plain = !lane_bits<T>(medians_at<PlainOrder<T>, T, size, count>(rows, out, x, step, n));
        if (!plain) medians_at<Order<T>, T, size, count>(rows, out, x, step, n);
        if (x == last) break;
    }
}

// Rows whose results are kept until the next ones' vectors are loaded: as many as there are registers for.
constexpr int kGroup = kVectorBytes == 64 ? 4 : 2;

// A register's width of `count` rows of 3x3 medians. `loaded` is called for each group of rows, between its last load
// and its first result.
template <class O, class T, int count, class F>
inline __attribute__((always_inline)) auto small_medians_at(const void* const* rows, int64_t x, int64_t step,
                                                            Vec<T>* medians, F loaded) {
    typedef typename O::Keys V;
    V sorted[count + 2][3], found[2], any = {};
    for (int i = 0; i < 2; ++i) any |= sorted_row<O, T, 3>(rows[i], x, step, sorted[i]);
#pragma GCC unroll 8
    for (int i = 0; i < count; i += 2) {
        if (i % kGroup == 0) {
#pragma GCC unroll 8
            for (int j = i; j < i + kGroup; ++j) any |= sorted_row<O, T, 3>(rows[j + 2], x, step, sorted[j + 2]);
            loaded(i);
        }
        two_medians<3>(sorted + i, found);
        for (int j = 0; j < 2; ++j) medians[i + j] = O::values(found[j]);
    }
    return any;
}

// `count` whole rows of 3x3 medians, at least a register's width. A load waits for an earlier store whose address
// agrees in the last 12 bits, as those of input and output often do: so a vector's results are stored when the next
// vectors have been loaded.
template <class T, int count>
inline __attribute__((always_inline)) void small_median_block(const void* const* rows, void* const* out, int64_t step,
                                                              int64_t n) {
    constexpr int lanes = VectorOf<T>::lanes;
    Vec<T> medians[count] = {};
    int64_t done = -1;
    const auto put = [&](int first) __attribute__((always_inline)) {
        if (done < 0) return;
#pragma GCC unroll 8
        for (int i = first; i < first + kGroup; ++i) store(static_cast<T*>(out[i]) + done, medians[i]);
    };
    bool plain = Order<T>::real;
    for (int64_t x = 0;; x = x + lanes < n - lanes ? x + lanes : n - lanes) {
        const int64_t ahead = x * static_cast<int64_t>(sizeof(T)) + kAhead;
        for (int i = 0; i < count; ++i) {
            __builtin_prefetch(static_cast<const char*>(rows[i + 2]) + ahead);
            __builtin_prefetch(static_cast<const char*>(out[i]) + ahead, 1);
        }
        if constexpr (Order<T>::real)
            if (plain && lane_bits<T>(small_medians_at<PlainOrder<T>, T, count>(rows, x, step, medians, put))) {
                plain = false;
                done = -1;
            }
        if (!plain) small_medians_at<Order<T>, T, count>(rows, x, step, medians, put);
        done = x;
        if (x == n - lanes) break;
    }
    for (int i = 0; i < count; i += kGroup) put(i);
}

// Output rows that are made together: more share sorting. (Of few 5x5 rows of bytes and words all sorted ones stay in
// AVX-512's registers, which is worth more.)
template <class T, int size>
constexpr int kRows = size == 5 && sizeof(T) < 4 && kVectorBytes == 64 ? 4 : imgfilt::kMedianRows;

template <class T, int size>
void median_rows(const void* const* rows, void* const* out, int count, int64_t step, int64_t n) {
    int done = 0;
    if (n >= VectorOf<T>::lanes) {
        constexpr int some = kRows<T, size>;
        for (; done + some <= count; done += some)
            if constexpr (size == 3)
                small_median_block<T, some>(rows + done, out + done, step, n);
            else
                median_block<T, size, some>(rows + done, out + done, step, n);
    }
    for (; done < count; done += 2) median_block<T, size, 2>(rows + done, out + done, step, n);
}

#define IMGFILT_EACH_SIZE(T) {median_rows<T, 3>, median_rows<T, 5>, median_rows<T, 7>}

}  // namespace
