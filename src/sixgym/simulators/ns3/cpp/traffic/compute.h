// Compute nodes as FIFO queues, and the tasks that pass through them.
#ifndef SIXGYM_COMPUTE_H
#define SIXGYM_COMPUTE_H

#include "text.h"

#include "ns3/random-variable-stream.h"
#include "ns3/simulator.h"

#include <algorithm>
#include <deque>
#include <functional>

namespace sixgym
{

/// A FIFO queue with one server. Other tenants offer a background load of Poisson arrivals.
class ComputeQueue
{
  public:
    /// Mean work of a background task, as seconds of the whole node. Chosen, not measured.
    static constexpr double BACKGROUND_TASK_S = 0.01;

    /// `rate` in megacycles per second; two random streams are used from `first_stream` on.
    ComputeQueue(double rate, std::size_t limit, int64_t first_stream)
        : rate_(rate),
          limit_(limit)
    {
        gaps_->SetStream(first_stream);
        work_->SetStream(first_stream + 1);
    }

    ~ComputeQueue()
    {
        service_.Cancel();
        arrival_.Cancel();
    }

    /// Takes a task of that many megacycles; `done` is called when it has been served. False if the
    /// queue is full.
    bool Submit(double megacycles, std::function<void()> done)
    {
        if (tasks_.size() > limit_) // the task in service does not wait
        {
            ++refused_;
            return false;
        }
        tasks_.push_back({megacycles / rate_, std::move(done)});
        if (tasks_.size() == 1)
        {
            Serve();
        }
        return true;
    }

    /// Offered background load; 1 is all of the node.
    void SetBackground(double load)
    {
        arrival_.Cancel();
        background_ = load;
        ScheduleArrival();
    }

    /// Busy share since the last call, tasks waiting, tasks refused since then.
    void Write(Json& json)
    {
        const double now = ns3::Simulator::Now().GetSeconds();
        if (!tasks_.empty())
        {
            busy_s_ += now - std::max(serving_since_, read_at_);
        }
        const double load = now > read_at_ ? std::min(1.0, busy_s_ / (now - read_at_)) : 0;
        json.Open('{')
            .Field("load", load)
            .Field("queue", tasks_.empty() ? std::size_t{0} : tasks_.size() - 1)
            .Field("refused", refused_)
            .Close('}');
        busy_s_ = 0;
        refused_ = 0;
        read_at_ = now;
    }

  private:
    struct Task
    {
        double service_s;
        std::function<void()> done;
    };

    void Serve()
    {
        serving_since_ = ns3::Simulator::Now().GetSeconds();
        service_ = ns3::Simulator::Schedule(ns3::Seconds(tasks_.front().service_s),
                                            &ComputeQueue::Finish,
                                            this);
    }

    void Finish()
    {
        busy_s_ += ns3::Simulator::Now().GetSeconds() - std::max(serving_since_, read_at_);
        const std::function<void()> done = std::move(tasks_.front().done);
        tasks_.pop_front();
        if (!tasks_.empty())
        {
            Serve();
        }
        if (done)
        {
            done();
        }
    }

    void ScheduleArrival()
    {
        if (background_ > 0)
        {
            const double gap_s = gaps_->GetValue(BACKGROUND_TASK_S / background_, 0);
            arrival_ = ns3::Simulator::Schedule(ns3::Seconds(gap_s), &ComputeQueue::Arrive, this);
        }
    }

    void Arrive()
    {
        Submit(work_->GetValue(BACKGROUND_TASK_S * rate_, 0), nullptr);
        ScheduleArrival();
    }

    double rate_;
    std::size_t limit_;
    double background_ = 0;
    std::deque<Task> tasks_; // the first is in service
    double serving_since_ = 0;
    double busy_s_ = 0;
    double read_at_ = 0;
    int64_t refused_ = 0;
    ns3::EventId service_;
    ns3::EventId arrival_;
    ns3::Ptr<ns3::ExponentialRandomVariable> gaps_ =
        ns3::CreateObject<ns3::ExponentialRandomVariable>();
    ns3::Ptr<ns3::ExponentialRandomVariable> work_ =
        ns3::CreateObject<ns3::ExponentialRandomVariable>();
};

/// The tasks of one group, during one interval.
struct TaskCount
{
    int64_t created = 0;
    int64_t completed = 0;
    double latency_sum_ms = 0;
    double oldest_age_ms = 0;

    void Write(Json& json) const
    {
        json.Open('{')
            .Field("created", created)
            .Field("completed", completed)
            .Field("latency_ms",
                   completed ? latency_sum_ms / static_cast<double>(completed) : oldest_age_ms)
            .Close('}');
    }
};

/// Creates the tasks of one device at a fixed rate and waits for their answers.
class TaskSource
{
  public:
    /// Time after which a task without an answer is given up: its request or its answer was lost,
    /// or a node refused it. Chosen, not measured.
    static constexpr double ABANDONED_AFTER_S = 10;

    using Send = std::function<void(uint32_t number, double megacycles)>;

    TaskSource(double rate_hz, double megacycles, int64_t stream, Send send)
        : period_s_(1 / rate_hz),
          megacycles_(megacycles),
          send_(std::move(send))
    {
        random_->SetStream(stream);
        work_->SetStream(stream + 1);
    }

    ~TaskSource()
    {
        next_.Cancel();
    }

    void Start()
    {
        const double phase_s = random_->GetValue(0, period_s_);
        next_ = ns3::Simulator::Schedule(ns3::Seconds(phase_s), &TaskSource::Create, this);
    }

    /// An answer arrived. One that comes twice or after the task was abandoned is ignored.
    void Answered(uint32_t number)
    {
        const auto task = std::find_if(open_.begin(), open_.end(), [number](const Open& open) {
            return open.number == number;
        });
        if (task != open_.end())
        {
            ++count.completed;
            count.latency_sum_ms += (ns3::Simulator::Now().GetSeconds() - task->created_s) * 1e3;
            open_.erase(task);
        }
    }

    void Settle()
    {
        const double now = ns3::Simulator::Now().GetSeconds();
        while (!open_.empty() && now - open_.front().created_s > ABANDONED_AFTER_S)
        {
            open_.pop_front();
        }
        count.oldest_age_ms = open_.empty() ? 0 : (now - open_.front().created_s) * 1e3;
    }

    TaskCount count;

  private:
    struct Open
    {
        uint32_t number;
        double created_s;
    };

    void Create()
    {
        next_ = ns3::Simulator::Schedule(ns3::Seconds(period_s_), &TaskSource::Create, this);
        open_.push_back({number_, ns3::Simulator::Now().GetSeconds()});
        ++count.created;
        send_(number_++, work_->GetValue(megacycles_, 0));
    }

    double period_s_;
    double megacycles_;
    Send send_;
    uint32_t number_ = 0;
    std::deque<Open> open_;
    ns3::EventId next_;
    ns3::Ptr<ns3::UniformRandomVariable> random_ = ns3::CreateObject<ns3::UniformRandomVariable>();
    ns3::Ptr<ns3::ExponentialRandomVariable> work_ =
        ns3::CreateObject<ns3::ExponentialRandomVariable>();
};

} // namespace sixgym

#endif
