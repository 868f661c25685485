#include "transposed.hpp"

#include <cstring>

#include "bank.hpp"
#include "pool.hpp"
#include "transposed_state.hpp"

namespace imgfilt {

constexpr int64_t kInputSlack = 4 * 16;  // elements that whole vectors may read past the end

template <class T>
void Transposed<T>::run(int threads) {
    cut(threads);
    find_terms();
    const Scratch<T> all(shared_ ? s_.groups * panels_ * panel_size() : 0);
    if (shared_)
        parallel_for(static_cast<int>(s_.groups * panels_), threads,
                     [&](int i) { pack(i / panels_, i % panels_, 0, channels_, all.get() + i * panel_size()); });
    share(tasks_, threads, [&](const auto& next) {
        const Scratch<T> input(chunk_ * channels_ * plane_ + kInputSlack);
        const Scratch<T> sums(sums_size());
        const Scratch<T> weights(shared_ || by_pixels_ ? 0 : panel_size());
        for (int64_t task; (task = next()) >= 0;)
            work(task, input.get(), sums.get(), shared_ ? all.get() : nullptr, weights.get());
    });
}

template <class T>
int64_t Transposed<T>::workspace(int threads) {
    cut(threads);
    const int64_t weights = shared_ || by_pixels_ ? 0 : panel_size();
    const int64_t one = chunk_ * channels_ * plane_ + kInputSlack + sums_size() + weights;
    const int64_t all = shared_ ? s_.groups * panels_ * panel_size() : 0;
    return (std::min<int64_t>(threads, tasks_) * one + all) * static_cast<int64_t>(sizeof(T));
}

template <class T>
void Transposed<T>::work(int64_t index, T* input, T* sums, const T* all, T* weights) const {
    const int64_t part = index % parts_, band = index / parts_ % bands_, chunk = index / parts_ / bands_ % chunks_;
    Task t;
    t.group = index / parts_ / bands_ / chunks_;
    t.image = chunk * chunk_;
    t.images = std::min(chunk_, out_.images - t.image);
    t.first = band * band_rows_;
    t.end = std::min(out_.height, t.first + band_rows_);
    t.in_row = ay_.in_first(t.first);
    for (int64_t n = 0; n < t.images; ++n) copy_in(t, n, input + n * channels_ * plane_);
    if (by_pixels_) {
        for (int64_t y = t.first; y < t.end; ++y) pixel_row(t, y, input, sums);
        return;
    }
    for (int64_t p = panels_ * part / parts_; p < panels_ * (part + 1) / parts_; ++p)
        panel(t, p, input, sums, all, weights);
}

// The rows of input under a band, (channel, row, column), with zeros around and, for a map, between.
template <class T>
void Transposed<T>::copy_in(const Task& t, int64_t n, T* to) const {
    const char* image = x_.data + (t.image + n) * x_.image + t.group * channels_ * x_.channel;
    const int64_t end = ay_.in_end(t.end), every_y = inserted_ ? s_.stride_y : 1, every_x = inserted_ ? s_.stride_x : 1;
    // Columns of the input within the row.
    const int64_t first = std::max<int64_t>(0, (left_ + every_x - 1) / every_x);
    const int64_t stop = std::min(x_.width, (left_ + pitch_ - 1) / every_x + 1);
    constexpr int64_t size = sizeof(T);
    for (int64_t y = t.in_row; y < end; ++y) {
        T* row = to + (y - t.in_row) * pitch_;
        const char* from = image + y / every_y * x_.row + first * x_.pixel;
        const bool zeros = y % every_y != 0 || first >= stop;
        const int64_t begin = zeros ? 0 : first * every_x - left_, count = zeros ? 0 : stop - first;
        const int64_t after = zeros ? 0 : (stop - 1) * every_x - left_ + 1;
        for (int64_t c = 0; c < channels_; ++c) {
            T* line = row + c * plane_;
            if (zeros || every_x > 1) {
                std::memset(line, 0, static_cast<std::size_t>(pitch_) * size);
            } else {
                std::memset(line, 0, static_cast<std::size_t>(begin) * size);
                std::memset(line + after, 0, static_cast<std::size_t>(pitch_ - after) * size);
            }
        }
        if (zeros) continue;
        if (every_x == 1 && x_.pixel == size) {
            for (int64_t c = 0; c < channels_; ++c)
                std::memcpy(row + c * plane_ + begin, from + c * x_.channel, static_cast<std::size_t>(count) * size);
        } else if (every_x == 1 && x_.channel == size && x_.pixel % size == 0) {
            k_.transpose(from, x_.pixel / size, count, channels_, row + begin, plane_);
        } else {
            for (int64_t c = 0; c < channels_; ++c) {
                const char* element = from + c * x_.channel;
                T* target = row + c * plane_ + begin;
                for (int64_t x = 0; x < count; ++x) std::memcpy(target + x * every_x, element + x * x_.pixel, size);
            }
        }
    }
}

// The members defined here.
template class Transposed<float>;
template class Transposed<double>;

void transposed(TransposedMethod method, const TransposedShape& shape, const Planes& x, const void* weight,
                const void* bias, const Planes& out, int threads) {
    if (x.dtype == DType::f32)
        Transposed<float>(method, shape, x, static_cast<const float*>(weight), static_cast<const float*>(bias), out)
            .run(threads);
    else
        Transposed<double>(method, shape, x, static_cast<const double*>(weight), static_cast<const double*>(bias), out)
            .run(threads);
}

int64_t transposed_workspace(TransposedMethod method, const TransposedShape& shape, const Planes& x, const Planes& out,
                             int threads) {
    return x.dtype == DType::f32 ? Transposed<float>(method, shape, x, nullptr, nullptr, out).workspace(threads)
                                 : Transposed<double>(method, shape, x, nullptr, nullptr, out).workspace(threads);
}

}  // namespace imgfilt
