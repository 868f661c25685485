// Medians of whole images: stripes of the networks' rows, or tiles for larger windows.
#pragma once

#include <type_traits>
#include <utility>

#include "area_network_driver.hpp"
#include "area_rows.hpp"
#include "dispatch.hpp"
#include "pool.hpp"

namespace imgfilt {
namespace {

// Rows of an 8-bit tile: more share counting, fewer share thresholds.
constexpr int64_t tile_rows(int size) { return size <= kByteCounts ? 16 : 32; }
constexpr int64_t kRankTile = 96;
constexpr int kMaxSize = 4095;

// One channel of 8 bits, larger windows.
void median_tiles_u8(const View& out, int size, int plane, const Extended<uint8_t>& source, int64_t begin,
                     int64_t end) {
    const AreaKernels& area = *kernels().area;
    Tile tile;
    tile.size = size;
    tile.pitch = static_cast<int>(round_up(size - 1 + std::max(96, size), 64));
    const int64_t columns = tile.pitch - size + 1, rows = tile_rows(size), radius = size / 2;
    const Scratch<uint8_t> region((rows + size - 1) * tile.pitch), result(rows * tile.pitch);
    const Scratch<uint8_t> scratch(std::max(3 * (rows * tile.pitch + 320), (rows + size) * (tile.pitch + 128)));
    for (int64_t y = begin; y < end; y += rows)
        for (int64_t x = 0; x < out.width; x += columns) {
            tile.rows = static_cast<int>(std::min(rows, end - y));
            tile.cols = static_cast<int>(std::min(columns, out.width - x));
            for (int64_t i = 0; i < tile.rows + size - 1; ++i)
                source.fetch(y - radius + i, x - radius, x + tile.cols + radius, region.get() + i * tile.pitch);
            area.tile_median_u8(region.get(), tile, result.get(), scratch.get());
            for (int64_t i = 0; i < tile.rows; ++i)
                area.store_key[0](result.get() + i * tile.pitch,
                                  out.data + plane * out.channel + (y + i) * out.row + x * out.pixel, out.pixel,
                                  tile.cols);
        }
}

// Sorts `keys` by radix; rank[i] becomes the place of what was keys[i]. Equal keys keep their order.
template <class U>
void rank_keys(U* keys, U* spare_keys, uint32_t* index, uint32_t* spare_index, uint32_t* rank, int64_t n) {
    constexpr int kBits = 11, kBins = 1 << kBits;
    for (int64_t i = 0; i < n; ++i) index[i] = static_cast<uint32_t>(i);
    U *from = keys, *to = spare_keys;
    for (int shift = 0; shift < static_cast<int>(sizeof(U)) * 8; shift += kBits) {
        uint32_t place[kBins] = {};
        for (int64_t i = 0; i < n; ++i) ++place[(from[i] >> shift) & (kBins - 1)];
        if (place[(from[0] >> shift) & (kBins - 1)] == n) continue;
        for (uint32_t bin = 0, sum = 0; bin < kBins; ++bin) sum += std::exchange(place[bin], sum);
        for (int64_t i = 0; i < n; ++i) {
            const uint32_t at = place[(from[i] >> shift) & (kBins - 1)]++;
            to[at] = from[i];
            spare_index[at] = index[i];
        }
        std::swap(from, to);
        std::swap(index, spare_index);
    }
    if (from != keys) std::copy_n(from, n, keys);
    for (int64_t i = 0; i < n; ++i) rank[index[i]] = static_cast<uint32_t>(i);
}

// One channel of anything: each tile's elements become their ranks in the tile.
template <class U>
void median_tiles_rank(const View& out, int size, int plane, const Extended<U>& source, int64_t begin, int64_t end,
                       int64_t side) {
    using Bits = std::make_unsigned_t<U>;
    constexpr Bits kSign = std::is_signed_v<U> ? Bits(1) << (sizeof(U) * 8 - 1) : 0;
    const AreaKernels& area = *kernels().area;
    const auto store = area.store_key[static_cast<int>(out.dtype)];
    const int64_t radius = size / 2, most = (side + size - 1) * (std::min(side, out.width) + size - 1);
    const Scratch<U> region(most), result(side);
    const Scratch<Bits> spare(most);
    const Scratch<uint32_t> memory(3 * most), medians(side * side);
    const Scratch<uint64_t> set(most / 64 + 1);
    for (int64_t y = begin; y < end; y += side)
        for (int64_t x = 0; x < out.width; x += side) {
            Tile tile;
            tile.size = size;
            tile.rows = static_cast<int>(std::min(side, end - y));
            tile.cols = static_cast<int>(std::min(side, out.width - x));
            tile.pitch = tile.cols + size - 1;
            const int64_t n = int64_t(tile.rows + size - 1) * tile.pitch;
            for (int64_t i = 0; i < tile.rows + size - 1; ++i)
                source.fetch(y - radius + i, x - radius, x + tile.cols + radius, region.get() + i * tile.pitch);
            Bits* keys = reinterpret_cast<Bits*>(region.get());
            for (int64_t i = 0; i < n; ++i) keys[i] ^= kSign;
            uint32_t* ranks = memory.get() + 2 * most;
            rank_keys(keys, spare.get(), memory.get(), memory.get() + most, ranks, n);
            std::fill_n(set.get(), n / 64 + 1, 0);
            area.tile_median_rank(ranks, tile, medians.get(), set.get());
            for (int64_t i = 0; i < tile.rows; ++i) {
                for (int64_t j = 0; j < tile.cols; ++j)
                    result[j] = static_cast<U>(keys[medians[i * tile.cols + j]] ^ kSign);
                store(result.get(), out.data + plane * out.channel + (y + i) * out.row + x * out.pixel, out.pixel,
                      tile.cols);
            }
        }
}

template <class T>
void median_network(const View& in, const View& out, int size, Border border, double cval, int threads) {
    const Planes planes(in, out);
    const int64_t compared = in.height * in.width * in.channels * size * size * static_cast<int64_t>(sizeof(T));
    threads = worthwhile(threads, static_cast<double>(compared) / 150.0);
    const Stripes stripes(in.height, threads, 4 * kMedianRows, kMedianRows);
    parallel_for(stripes.count * planes.count, threads, [&](int task) {
        const int plane = task / stripes.count, stripe = task % stripes.count;
        const MedianNetwork<T> network(in, out, size, planes, plane, border, cval);
        network.run(stripes.begin(stripe), stripes.end(stripe));
    });
}

template <class U>
void median_of(const View& in, const View& out, int size, Border border, double cval, int threads) {
    const auto load = kernels().area->load_key[static_cast<int>(in.dtype)];
    const auto store = kernels().area->store_key[static_cast<int>(in.dtype)];
    const bool bytes = std::is_same_v<U, uint8_t> && size <= 255;
    Planes planes(in, out);
    planes.count = static_cast<int>(in.channels), planes.step = 1;
    // Tiles start on multiples of their height, so that they are the same for any number of threads.
    const int64_t side = std::max<int64_t>(kRankTile, size / 2);
    const Stripes stripes(in.height, threads, 16, bytes ? tile_rows(size) : side);
    parallel_for(stripes.count * planes.count, threads, [&](int task) {
        const int plane = task / stripes.count, stripe = task % stripes.count;
        const Extended<U> source(in, planes, plane, border, cval, load);
        const int64_t begin = stripes.begin(stripe), end = stripes.end(stripe);
        if (size == 1) {
            const Scratch<U> row(in.width * planes.step);
            for (int64_t y = begin; y < end; ++y) {
                source.fetch(y, 0, in.width, row.get());
                store(row.get(), out.data + plane * out.channel + y * out.row, planes.stride(out),
                      in.width * planes.step);
            }
            return;
        }
        if constexpr (std::is_same_v<U, uint8_t>)
            if (bytes) return median_tiles_u8(out, size, plane, source, begin, end);
        median_tiles_rank<U>(out, size, plane, source, begin, end, side);
    });
}

}  // namespace

void median(const View& in, const View& out, int size, Border border, double cval, int threads) {
    check_same_size("median", in, out);
    check_pixels("median", in);
    if (in.dtype != out.dtype) throw std::invalid_argument("median: input and output differ in type");
    if (size < 1 || size > kMaxSize || size % 2 == 0)
        throw std::invalid_argument("median: size is " + std::to_string(size) + ", but must be odd, 1 .. " +
                                    std::to_string(kMaxSize));
    if (in.height == 0 || in.width == 0 || in.channels == 0) return;
    const bool network = 3 <= size && size <= 7;
    switch (in.dtype) {
        case DType::u8:
            return (network ? median_network<uint8_t> : median_of<uint8_t>)(in, out, size, border, cval, threads);
        case DType::u16:
            return (network ? median_network<uint16_t> : median_of<uint16_t>)(in, out, size, border, cval, threads);
        case DType::i16:
            return (network ? median_network<int16_t> : median_of<uint16_t>)(in, out, size, border, cval, threads);
        case DType::f32:
            return (network ? median_network<float> : median_of<int32_t>)(in, out, size, border, cval, threads);
        default: return (network ? median_network<double> : median_of<int64_t>)(in, out, size, border, cval, threads);
    }
}

}  // namespace imgfilt
