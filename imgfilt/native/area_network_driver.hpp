// Medians of 3x3, 5x5 and 7x7 of whole images. Rows are read and written where they are. Columns near the sides,
// whose windows reach beyond, are gathered into short rows: a window's transpose has the same median.
#pragma once

#include "area_rows.hpp"
#include "dispatch.hpp"

namespace imgfilt {
namespace {

template <class T>
class MedianNetwork {
  public:
    MedianNetwork(const View& in, const View& out, int size, const Planes& planes, int plane, Border border,
                  double cval)
        : run_(kernels().area->median_rows[static_cast<int>(in.dtype)][size / 2 - 1]),
          in_(in),
          out_(out),
          border_(border),
          radius_(size / 2),
          step_(planes.step),
          inside_((in.width - 2 * radius_) * step_),
          in_stride_(planes.stride(in)),
          out_stride_(planes.stride(out)),
          in_packed_(!plain(in, in_stride_) || inside_ * int64_t{sizeof(T)} < kSlack),
          out_packed_(!plain(out, out_stride_)),
          pitch_(in.width * step_),
          side_pitch_((kSideRows + 2 * radius_) * step_ + kSlack),
          constant_(border == Border::constant ? pitch_ : 0),
          rows_(in_packed_ ? (kMedianRows + 2 * radius_) * pitch_ : 0),
          results_((out_packed_ ? kMedianRows : 1) * pitch_),
          sides_((4 * radius_ + 2) * side_pitch_) {
        in_.data += plane * in.channel;
        out_.data += plane * out.channel;
        alignas(8) char element[8] = {};
        constant_element(in.dtype, cval, element);
        std::memcpy(&outside_, element, sizeof outside_);
        if (border == Border::constant) std::fill_n(constant_.get(), pitch_, outside_);
    }

    // Rows begin .. end - 1.
    void run(int64_t begin, int64_t end) const {
        const int64_t width = in_.width, right = std::max(radius_, width - radius_);
        for (int64_t y = begin; y < end; y += kSideRows) {
            const int64_t last = std::min(end, y + kSideRows);
            if (inside_ > 0)
                for (int64_t first = y; first < last; first += kMedianRows)
                    block(first, std::min<int64_t>(kMedianRows, last - first));
            const char* lines[kSideRows + 6];
            for (int64_t i = 0; i < last - y + 2 * radius_; ++i) lines[i] = line(y - radius_ + i);
            columns(0, std::min(radius_, width), y, last - y, lines);
            columns(right, width - right, y, last - y, lines);
        }
    }

  private:
    static constexpr int64_t kSideRows = 64;
    static constexpr int kMostRows = kMedianRows + 6;

    static bool plain(const View& v, int64_t stride) {
        return stride == sizeof(T) && reinterpret_cast<uintptr_t>(v.data) % alignof(T) == 0 &&
               v.row % static_cast<int64_t>(alignof(T)) == 0 && v.channel % static_cast<int64_t>(alignof(T)) == 0;
    }

    static void copy(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t n) {
        for (int64_t i = 0; i < n; ++i) std::memcpy(to + i * to_step, from + i * from_step, sizeof(T));
    }

    // Row y, which may lie outside; null for a constant one.
    const char* line(int64_t y) const {
        const int64_t row = border_index(y, in_.height, border_);
        return row < 0 ? nullptr : in_.data + row * in_.row;
    }

    void block(int64_t y, int64_t count) const {
        const void* rows[kMostRows];
        void* out[kMedianRows];
        const int64_t even = count + count % 2;
        for (int64_t i = 0; i < even + 2 * radius_; ++i) {
            const char* from = line(y - radius_ + i);
            if (from == nullptr) {
                rows[i] = constant_.get();
            } else if (!in_packed_) {
                rows[i] = from;
            } else {
                T* packed = rows_.get() + i * pitch_;
                copy(from, in_stride_, reinterpret_cast<char*>(packed), sizeof(T), pitch_);
                rows[i] = packed;
            }
        }
        for (int64_t i = 0; i < even; ++i) {
            if (out_packed_)
                out[i] = results_.get() + i * pitch_;
            else
                out[i] = i < count ? out_.data + (y + i) * out_.row + radius_ * out_.pixel
                                   : reinterpret_cast<char*>(results_.get());
        }
        run_(rows, out, static_cast<int>(even), step_, inside_);
        if (out_packed_)
            for (int64_t i = 0; i < count; ++i)
                copy(static_cast<const char*>(out[i]), sizeof(T), out_.data + (y + i) * out_.row + radius_ * out_.pixel,
                     out_stride_, inside_);
    }

    // The pixel `at` of each of n rows to contiguous memory, or back.
    void gather(const char* const* rows, int64_t at, int64_t n, T* to) const {
        for (int64_t i = 0; i < n; ++i, to += step_) {
            if (rows[i] == nullptr)
                std::fill_n(to, step_, outside_);
            else if (step_ == 1)
                std::memcpy(to, rows[i] + at, sizeof(T));
            else
                for (int64_t c = 0; c < step_; ++c)
                    std::memcpy(to + c, rows[i] + at + c * int64_t{sizeof(T)}, sizeof(T));
        }
    }
    void scatter(const T* from, char* to, int64_t n) const {
        for (int64_t i = 0; i < n; ++i, from += step_, to += out_.row)
            if (step_ == 1)
                std::memcpy(to, from, sizeof(T));
            else
                for (int64_t c = 0; c < step_; ++c) std::memcpy(to + c * int64_t{sizeof(T)}, from + c, sizeof(T));
    }

    // Columns x .. x + count - 1 of rows y .. y + height - 1; `lines` are their rows and those around.
    void columns(int64_t x, int64_t count, int64_t y, int64_t height, const char* const* lines) const {
        if (count <= 0) return;
        const void* rows[3 * 3 + 1];
        void* out[4];
        const int64_t even = count + count % 2;
        int64_t pixels[3 * 3 + 1];
        for (int64_t i = 0; i < even + 2 * radius_; ++i) {
            pixels[i] = border_index(x - radius_ + i, in_.width, border_);
            const auto same = std::find(pixels, pixels + i, pixels[i]) - pixels;
            if (same < i || i == count + 2 * radius_) {  // the last of an even number: its result is not used
                rows[i] = rows[std::min(same, i - 1)];
                continue;
            }
            T* to = sides_.get() + i * side_pitch_;
            if (pixels[i] < 0)
                std::fill_n(to, (height + 2 * radius_) * step_, outside_);
            else
                gather(lines, pixels[i] * in_.pixel, height + 2 * radius_, to);
            rows[i] = to;
        }
        for (int64_t i = 0; i < even; ++i) out[i] = sides_.get() + (3 * radius_ + 1 + i) * side_pitch_;
        run_(rows, out, static_cast<int>(even), step_, height * step_);
        for (int64_t i = 0; i < count; ++i)
            scatter(static_cast<const T*>(out[i]), out_.data + y * out_.row + (x + i) * out_.pixel, height);
    }

    void (*run_)(const void* const* rows, void* const* out, int count, int64_t step, int64_t n);
    View in_, out_;
    Border border_;
    int64_t radius_, step_;
    int64_t inside_;  // elements of a row whose windows lie within it
    int64_t in_stride_, out_stride_;
    bool in_packed_, out_packed_;
    int64_t pitch_, side_pitch_;
    Scratch<T> constant_, rows_, results_, sides_;
    T outside_;
};

}  // namespace
}  // namespace imgfilt
