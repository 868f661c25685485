#include <algorithm>
#include <cstring>
#include <vector>

#include "bank.hpp"
#include "bank_bands.hpp"
#include "bank_panels.hpp"

namespace imgfilt {
namespace {

constexpr int64_t kBandBytes = 320 << 10;   // of input, to stay in L2
constexpr int64_t kBandPixels = 448;        // of output, whose sums stay near
constexpr int64_t kFewPixels = 224;         // that share packed weights, however large their input
constexpr int64_t kWeightBytes = 24 << 10;  // of packed weights, to stay in L1

// Consecutive rows of output of one image, and where their input lies in a band.
struct Segment {
    int64_t image, y, rows, in_row;
};

template <class T>
class Direct {
  public:
    Direct(const BankShape& shape, const Batch& x, const T* weight, const T* bias, const Batch& out, int threads)
        : s_(shape),
          x_(x),
          out_(out),
          panels_of_(out, bias),
          weight_(weight),
          k_(bank_kernels<T>()),
          threads_(threads),
          channels_(x.channels / shape.groups),
          filters_(out.channels / shape.groups),
          pitch_(x.width + shape.left + shape.right),
          wide_(panels_of_.wide()),
          panels_((filters_ + wide_ - 1) / wide_),
          block_channels_(std::clamp<int64_t>(kWeightBytes / (shape.taps() * wide_ * static_cast<int64_t>(sizeof(T))),
                                              1, channels_)),
          bands_(out.images * out.height, out.height, shape.groups, panels_, threads,
                 [&](int64_t rows) { return fits(rows); }),
          plane_(plane_of(in_rows_at_most(bands_.rows))),
          shared_(bands_.count > 1) {}

    void run() const {
        // Weights that several bands read are packed once for all; else where they are read.
        const int64_t panel = channels_ * s_.taps() * wide_;
        Scratch<T> all(shared_ ? s_.groups * panels_ * panel : 0);
        if (shared_)
            share(s_.groups * panels_, threads_, [&](const auto& next) {
                for (int64_t i; (i = next()) >= 0;) {
                    const int64_t m = i % panels_ * wide_, filters = std::min(filters_ - m, wide_);
                    pack(i / panels_ * filters_ + m, filters, panels_of_.lanes(filters), 0, channels_,
                         all.get() + i * panel);
                }
            });
        share(bands_.tasks, threads_, [&](const auto& next) {
            Scratch<T> input(channels_ * plane_), sums(bands_.rows * out_.width * wide_);
            Scratch<T> weights(shared_ ? 0 : block_channels_ * s_.taps() * wide_);
            std::vector<int64_t> offsets(static_cast<std::size_t>(block_channels_ * s_.taps()));
            int64_t copied = -1;
            for (int64_t task; (task = next()) >= 0;) {
                work(task, task / bands_.parts != copied, input.get(), shared_ ? nullptr : weights.get(), all.get(),
                     sums.get(), offsets.data());
                copied = task / bands_.parts;
            }
        });
    }

    int64_t workspace() const {
        const int64_t taps = s_.taps(), weights = shared_ ? 0 : block_channels_ * taps * wide_;
        const int64_t one = channels_ * plane_ + weights + bands_.rows * out_.width * wide_;
        const int64_t all = shared_ ? s_.groups * panels_ * wide_ * channels_ * taps : 0;
        return (std::min<int64_t>(threads_, bands_.tasks) * one + all) * static_cast<int64_t>(sizeof(T));
    }

  private:
    bool fits(int64_t rows) const {
        const int64_t pixels = rows * out_.width;
        const int64_t bytes = in_rows_at_most(rows) * channels_ * pitch_ * static_cast<int64_t>(sizeof(T));
        return pixels <= kBandPixels && (bytes <= kBandBytes || pixels <= kFewPixels);
    }
    int64_t in_rows(int64_t rows) const { return (rows - 1) * s_.stride_y + s_.span_y(); }
    int64_t in_rows_at_most(int64_t rows) const {
        // Each image that they touch has rows of its own between those of two outputs.
        const int64_t images = std::min(rows, (rows + out_.height - 2) / out_.height + 1);
        const int64_t between = s_.span_y() - s_.stride_y;
        return rows * s_.stride_y + std::max(between, images * between);
    }
    int64_t plane_of(int64_t rows) const { return apart(rows * pitch_); }

    // `fresh`: the band's input is not there yet. `weights` has place for a block of weights, or is null where `all` of
    // them have been packed.
    void work(int64_t task, bool fresh, T* input, T* weights, const T* all, T* sums, int64_t* offsets) const {
        const int64_t part = task % bands_.parts, band = task / bands_.parts % bands_.count;
        const int64_t group = task / bands_.parts / bands_.count, first = band * bands_.rows;
        const int64_t end = std::min(out_.images * out_.height, first + bands_.rows);
        std::vector<Segment> segments;
        int64_t in_row = 0;
        for (int64_t r = first; r < end;) {
            const int64_t y = r % out_.height, rows = std::min(out_.height - y, end - r);
            segments.push_back({r / out_.height, y, rows, in_row});
            in_row += in_rows(rows);
            r += rows;
        }
        const int64_t plane = plane_of(in_row);
        if (fresh)
            for (const Segment& segment : segments) copy_in(segment, group, plane, input);
        std::vector<int64_t> bases;  // of each row of output in the input
        for (const Segment& segment : segments)
            for (int64_t i = 0; i < segment.rows; ++i) bases.push_back((segment.in_row + i * s_.stride_y) * pitch_);
        // Taps of a row follow each other where they are not dilated.
        const bool dense = s_.dilation_x == 1;
        const int64_t length = dense ? s_.kernel_width : 1;
        int64_t count = 0;
        for (int64_t c = 0; c < block_channels_; ++c)
            for (int64_t u = 0; u < s_.kernel_height; ++u)
                for (int64_t v = 0; v < s_.kernel_width; v += length)
                    offsets[count++] = c * plane + u * s_.dilation_y * pitch_ + v * s_.dilation_x;
        const int64_t per_channel = count / block_channels_;
        for (int64_t p = panels_ * part / bands_.parts; p < panels_ * (part + 1) / bands_.parts; ++p) {
            const int64_t m = p * wide_, filters = std::min(filters_ - m, wide_);
            const int64_t lanes = panels_of_.lanes(filters);
            panels_of_.begin(group * filters_ + m, filters, lanes, static_cast<int64_t>(bases.size()) * out_.width,
                             sums);
            const T* packed = all + (group * panels_ + p) * wide_ * channels_ * s_.taps();
            for (int64_t c = 0; c < channels_; c += block_channels_) {
                const int64_t channels = std::min(block_channels_, channels_ - c);
                if (weights != nullptr) pack(group * filters_ + m, filters, lanes, c, channels, weights);
                const BankRun run{offsets, channels * per_channel, length, s_.stride_x, 0, 0};
                panels_of_.blocks(run, lanes, bases, input + c * plane,
                                  weights != nullptr ? weights : packed + c * s_.taps() * lanes, sums);
            }
            int64_t row = 0;
            for (const Segment& segment : segments)
                for (int64_t i = 0; i < segment.rows; ++i, ++row)
                    panels_of_.finish(segment.image, segment.y + i, group * filters_ + m, filters, lanes,
                                      sums + row * out_.width * lanes);
        }
    }

    // The rows of input under a segment, with zeros around, to (channel, row, column).
    void copy_in(const Segment& segment, int64_t group, int64_t plane, T* input) const {
        const int64_t rows = in_rows(segment.rows), top = segment.y * s_.stride_y - s_.top;
        const char* image = x_.image(segment.image) + group * channels_ * x_.channel;
        constexpr int64_t size = sizeof(T);
        T* base = input + segment.in_row * pitch_;
        for (int64_t i = 0; i < rows; ++i) {
            const int64_t y = top + i;
            if (y < 0 || y >= x_.height) {
                for (int64_t c = 0; c < channels_; ++c)
                    std::memset(base + c * plane + i * pitch_, 0, static_cast<std::size_t>(pitch_) * size);
                continue;
            }
            const char* from = image + y * x_.row;
            T* to = base + i * pitch_ + s_.left;
            if (s_.left + s_.right)
                for (int64_t c = 0; c < channels_; ++c) {
                    std::memset(to + c * plane - s_.left, 0, static_cast<std::size_t>(s_.left) * size);
                    std::memset(to + c * plane + x_.width, 0, static_cast<std::size_t>(s_.right) * size);
                }
            if (x_.pixel == size) {
                for (int64_t c = 0; c < channels_; ++c)
                    std::memcpy(to + c * plane, from + c * x_.channel, static_cast<std::size_t>(x_.width) * size);
            } else if (x_.channel == size && x_.pixel % size == 0) {
                k_.transpose(from, x_.pixel / size, x_.width, channels_, to, plane);
            } else {
                for (int64_t c = 0; c < channels_; ++c)
                    for (int64_t x = 0; x < x_.width; ++x)
                        std::memcpy(to + c * plane + x, from + c * x_.channel + x * x_.pixel, size);
            }
        }
    }

    // Weights of some channels to (tap, filter), zeros for filters that there are none.
    void pack(int64_t m, int64_t filters, int64_t lanes, int64_t c, int64_t channels, T* to) const {
        const int64_t taps = s_.taps(), steps = channels * taps;
        if (filters < lanes) std::memset(to, 0, static_cast<std::size_t>(steps * lanes) * sizeof(T));
        k_.transpose(weight_ + (m * channels_ + c) * taps, channels_ * taps, filters, steps, to, lanes);
    }

    const BankShape s_;
    const Batch x_, out_;
    const Panels<T> panels_of_;
    const T* weight_;
    const BankKernelsOf<T>& k_;
    const int threads_;
    const int64_t channels_, filters_, pitch_, wide_, panels_, block_channels_;
    const Bands bands_;
    const int64_t plane_;  // from a channel of the largest band to the next
    const bool shared_;
};

}  // namespace

void bank_direct(const BankShape& shape, const Batch& x, const void* weight, const void* bias, const Batch& out,
                 int threads) {
    if (x.dtype == DType::f32)
        Direct<float>(shape, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out, threads).run();
    else
        Direct<double>(shape, x, static_cast<const double*>(weight), static_cast<const double*>(bias), out, threads)
            .run();
}

int64_t bank_direct_workspace(const BankShape& shape, const Batch& x, const Batch& out, int threads) {
    return x.dtype == DType::f32 ? Direct<float>(shape, x, nullptr, nullptr, out, threads).workspace()
                                 : Direct<double>(shape, x, nullptr, nullptr, out, threads).workspace();
}

}  // namespace imgfilt
