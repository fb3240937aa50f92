//! What the public types promise by their signatures alone, and no other test
//! would notice if it were lost: auto traits, sizes, implemented traits.
//!
//! To lose one of them is a breaking change, even if everything compiles. What
//! each type *has*, function by function, is in `.ci/public-api.txt`. Compiles
//! with any set of features; a type that a feature adds has a module of its own.

use std::{
    borrow::Cow,
    error::Error,
    fmt::{self, Debug, Display},
    hash::Hash,
    panic::{RefUnwindSafe, UnwindSafe},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use sse_wire::{
    After, ContentTypePolicy, Decoder, Encode, EncodeError, Encoded, Ending, EofPolicy, Event,
    EventBuilder, EventRef, EventWriter, Events, Feed, Gap, Item, ItemRef, ParseError, Parser,
    ParserBuilder, Reconnect, ReconnectBuilder, Replay, ReplayId, ReplayIdError, Step, Stop,
    StreamError, Utf8Policy,
};

/// Goes to another thread, into a `static`, and through `catch_unwind`.
fn is_owned<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static>() {}

/// The same, for as long as what it borrows lives.
fn is_lent<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}

/// The same but for `UnwindSafe`, like any `&mut`: after a panic, what it
/// borrows may be half changed.
fn is_lent_mutably<T: Send + Sync + Unpin + RefUnwindSafe>() {}

fn is_debug<T: Debug>() {}
fn is_clone<T: Clone + Debug>() {}
fn is_default<T: Default + Debug>() {}
fn is_value<T: Clone + Debug + Eq + Hash>() {}
fn is_small_value<T: Copy + Debug + Eq + Hash>() {}
fn is_error<T: Error + Display + Clone + Eq + Send + Sync + 'static>() {}

#[cfg(target_pointer_width = "64")]
fn at_most<T>(bytes: usize) {
    let size = size_of::<T>();
    assert!(size <= bytes, "{} is {size} bytes", std::any::type_name::<T>());
}

/// Whether a type is [`Send`]: where it is, the inherent constant comes before
/// that of the trait.
struct Is<T>(std::marker::PhantomData<T>);

trait Not {
    const SEND: bool = false;
}

impl<T> Not for Is<T> {}

impl<T: Send> Is<T> {
    const SEND: bool = true;
}

#[test]
fn whether_a_type_is_send_can_be_asked() {
    const { assert!(Is::<Parser>::SEND && !Is::<std::rc::Rc<()>>::SEND) };
}

#[test]
fn owned_types_may_go_anywhere() {
    is_owned::<Parser>();
    is_owned::<ParserBuilder>();
    is_owned::<Utf8Policy>();
    is_owned::<EofPolicy>();
    is_owned::<Decoder>();
    is_owned::<Event>();
    is_owned::<EventBuilder>();
    is_owned::<Item>();
    is_owned::<Encoded>();
    is_owned::<Ending>();
    is_owned::<Reconnect>();
    is_owned::<ReconnectBuilder>();
    is_owned::<ContentTypePolicy>();
    is_owned::<Stop>();
    is_owned::<ParseError>();
    is_owned::<EncodeError>();
    is_owned::<StreamError<std::io::ErrorKind>>();
}

#[test]
fn lent_types_may_go_anywhere_that_what_they_borrow_outlives() {
    is_lent::<EventRef<'_>>();
    is_lent::<ItemRef<'_>>();
    is_lent::<Step<'_>>();
    is_lent_mutably::<Feed<'_, '_>>();
    is_lent_mutably::<EventWriter<'_>>();
}

/// The sizes are those of today. To make a type larger breaks nobody, but should
/// be a decision: an `EventRef` is returned for each event. Of a `Feed`, and of
/// each tier that has a chunk, 192 bytes are where the next line ends are; an
/// `Event` has room for a chunk of its own, so that it needs no allocation.
#[test]
#[cfg(target_pointer_width = "64")]
fn types_are_no_larger_than_they_were() {
    at_most::<Parser>(336);
    at_most::<ParserBuilder>(40);
    at_most::<Utf8Policy>(1);
    at_most::<EofPolicy>(1);
    at_most::<Feed<'_, '_>>(296);
    at_most::<Decoder>(736);
    at_most::<Event>(136);
    at_most::<Option<Event>>(136);
    at_most::<Result<Option<Event>, ParseError>>(136);
    at_most::<EventRef<'_>>(72);
    at_most::<Option<EventRef<'_>>>(72);
    at_most::<Result<Option<EventRef<'_>>, ParseError>>(72);
    at_most::<EventBuilder>(88);
    at_most::<Item>(136);
    at_most::<ItemRef<'_>>(72);
    at_most::<Encoded>(32);
    at_most::<EventWriter<'_>>(24);
    at_most::<Ending>(1);
    at_most::<ParseError>(32);
    at_most::<EncodeError>(32);
    at_most::<StreamError<()>>(32);
}

#[test]
fn events_and_items_are_values() {
    is_value::<Event>();
    is_value::<Item>();
    is_value::<Encoded>();
    is_small_value::<EventRef<'_>>();
    is_small_value::<ItemRef<'_>>();
    is_small_value::<Ending>();
    is_small_value::<Step<'_>>();
    is_small_value::<Stop>();
    is_small_value::<ContentTypePolicy>();
}

#[test]
fn parsers_and_builders_have_defaults() {
    is_clone::<Parser>();
    is_clone::<ParserBuilder>();
    is_clone::<EventBuilder>();
    is_default::<Parser>();
    is_default::<ParserBuilder>();
    is_default::<EventBuilder>();
    is_default::<Decoder>();
    is_clone::<Reconnect>();
    is_clone::<ReconnectBuilder>();
    is_default::<Reconnect>();
    is_default::<ReconnectBuilder>();
    is_debug::<Feed<'_, '_>>();
    is_debug::<EventWriter<'_>>();
}

#[test]
fn the_default_policies_are_those_of_the_standard() {
    is_small_value::<Utf8Policy>();
    is_small_value::<EofPolicy>();
    assert_eq!(Utf8Policy::default(), Utf8Policy::Replace);
    assert_eq!(EofPolicy::default(), EofPolicy::Discard);
}

#[test]
fn errors_are_errors_with_or_without_std() {
    is_error::<ParseError>();
    is_error::<EncodeError>();
    is_error::<StreamError<ParseError>>();
    is_error::<Stop>();
    is_value::<ParseError>();
    is_value::<EncodeError>();
    let boxed: Box<dyn Error + Send + Sync> = ParseError::InvalidUtf8 { offset: 7 }.into();
    assert!(boxed.downcast::<ParseError>().is_ok());
}

#[test]
fn a_parse_error_becomes_a_stream_error_with_a_question_mark() {
    fn fail() -> Result<(), StreamError<std::io::ErrorKind>> {
        Err(ParseError::UnexpectedEnd { offset: 7 })?
    }
    assert_eq!(fail(), Err(StreamError::Parse(ParseError::UnexpectedEnd { offset: 7 })));
}

#[test]
fn what_is_lent_becomes_owned_and_lends_again() {
    let mut parser = Parser::new();
    let mut feed = parser.feed(b"event: a\nid: 1\nretry: 2\ndata: b\n\n");
    let lent: EventRef<'_> = feed.next_event().unwrap().unwrap();
    let owned = Event::from(lent);
    assert_eq!(owned, lent.to_event());
    assert_eq!(owned.as_event_ref(), lent);
    let item: Item = ItemRef::Event(lent).into();
    assert_eq!(item, Item::from(owned.clone()));
    assert_eq!(item.as_item_ref(), ItemRef::Event(lent));
    assert_eq!(item, ItemRef::Event(lent).to_item());
}

#[test]
fn encoded_is_made_of_events_and_items_and_becomes_bytes() {
    let event = Event::new("a");
    let encoded = Encoded::from(&event);
    assert_eq!(Encoded::from(event.clone()), encoded);
    assert_eq!(Encoded::from(event.as_event_ref()), encoded);
    assert_eq!(Encoded::try_from(&Item::Event(event)), Ok(encoded.clone()));
    assert_eq!(encoded.as_ref() as &[u8], b"data: a\n\n");
    assert_eq!(Bytes::from(encoded), "data: a\n\n");
}

#[test]
fn the_bytes_crate_of_the_signatures_is_re_exported() {
    let chunk: sse_wire::bytes::Bytes = Bytes::from_static(b"data: a\n\n");
    Decoder::new().push(chunk);
}

#[test]
fn all_that_can_be_written_implements_encode() {
    fn is_encode<T: Encode>() {}
    is_encode::<Event>();
    is_encode::<EventRef<'_>>();
    is_encode::<Item>();
    is_encode::<ItemRef<'_>>();
    is_encode::<Encoded>();
}

#[test]
fn lent_text_outlives_the_value_that_lends_it() {
    // The accessors of `EventRef` return what it borrows, not a borrow of it.
    fn data<'a>(event: EventRef<'a>) -> [&'a str; 3] {
        [event.event_type(), event.data(), event.last_event_id()]
    }
    let event = Event::builder().event_type("a").data("b").id("c").build().unwrap();
    assert_eq!(data(event.as_event_ref()), ["a", "b", "c"]);
}

#[test]
fn a_writer_is_a_formatter() {
    fn write(mut to: impl fmt::Write) -> fmt::Result {
        to.write_str("a")
    }
    let mut buffer = BytesMut::new();
    let mut event = EventWriter::new(&mut buffer);
    write(&mut event).unwrap();
    event.finish();
    assert_eq!(buffer, "data: a\n\n");
}

#[test]
fn builders_take_borrowed_and_owned_text() {
    let event = Event::builder().event_type("a").id(String::from("b")).data(Cow::from("c")).build();
    assert_eq!(event.unwrap().data(), "c");
    let time = Duration::from_millis(1);
    assert!(Event::builder().retry(time).build().is_ok());
    let parser = Parser::builder().last_event_id("a").build();
    assert_eq!(parser.last_event_id(), "a");
}

#[test]
fn a_log_is_a_value_and_what_is_about_it_too() {
    is_owned::<Replay>();
    is_clone::<Replay>();
    is_owned::<After>();
    is_owned::<Events>();
    is_small_value::<Gap>();
    is_small_value::<ReplayId>();
    is_error::<Gap>();
    is_error::<ReplayIdError>();
    fn is_exact<T: ExactSizeIterator<Item = Encoded> + DoubleEndedIterator + Clone + Default>() {}
    is_exact::<Events>();
}

#[cfg(feature = "std")]
mod std_only {
    use std::io;

    use sse_wire::{Event, EventLog, EventReader, StreamError};

    use super::*;

    #[test]
    fn a_reader_is_what_its_source_is() {
        is_owned::<EventReader<io::Empty>>();
        is_debug::<EventReader<io::Empty>>();
        const { assert!(Is::<EventReader<Box<dyn io::Read + Send>>>::SEND) };
        const { assert!(!Is::<EventReader<Box<dyn io::Read>>>::SEND) };
    }

    #[test]
    fn a_reader_is_an_iterator_and_its_errors_can_be_sent() {
        fn is_iterator<T: Iterator<Item = Result<Event, StreamError<io::Error>>>>() {}
        is_iterator::<EventReader<io::Empty>>();
        fn is_sent<T: Error + Send + Sync + 'static>() {}
        is_sent::<StreamError<io::Error>>();
    }

    #[test]
    fn a_log_behind_a_mutex_is_one_that_can_be_awaited_anywhere() {
        fn is_sent<T: Send>(value: T) -> T {
            value
        }
        let log = std::sync::Mutex::new(Replay::new(7));
        let event = Event::new("a");
        let push = is_sent(EventLog::push(&log, &event));
        assert_eq!(ready(push), Ok("7-1".to_owned()));
        let after = ready(is_sent(EventLog::after(&log, "7-0"))).unwrap();
        assert!(matches!(after, After::Events(ref events) if events.len() == 1));
        assert_eq!(ready(EventLog::after(&log, "6-0")), Ok(After::Gap(Gap::OtherEpoch)));
        let (events, last) = ready(is_sent(EventLog::events(&log))).unwrap();
        assert_eq!(After::Events(events), after);
        assert_eq!(last, "7-1");
    }

    /// What a future is that does not wait.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        let cx = &mut std::task::Context::from_waker(std::task::Waker::noop());
        match std::pin::pin!(future).poll(cx) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_writer_is_written_to() {
        fn is_write<T: io::Write>() {}
        is_write::<EventWriter<'_>>();
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_reader_is_no_larger_than_it_was() {
        at_most::<EventReader<()>>(664);
    }
}

#[cfg(feature = "stream")]
mod stream_only {
    use std::{convert::Infallible, marker::PhantomPinned, rc::Rc};

    use futures::{
        Stream, StreamExt,
        executor::block_on,
        stream::{self, FusedStream},
    };
    use sse_wire::{EventStream, EventStreamExt, Items, Outcome, UntilSentinel};

    use super::*;

    type Chunks = stream::Iter<std::vec::IntoIter<Result<Bytes, Infallible>>>;
    type ChunksOfThread = stream::Iter<std::vec::IntoIter<Result<Vec<u8>, Rc<str>>>>;

    #[test]
    fn streams_are_what_their_source_is() {
        is_owned::<EventStream<Chunks>>();
        is_owned::<Items<Chunks>>();
        is_owned::<UntilSentinel<Chunks>>();
        is_debug::<EventStream<Chunks>>();
        is_debug::<Items<Chunks>>();
        is_debug::<UntilSentinel<Chunks>>();
        is_small_value::<Outcome>();
        is_owned::<Outcome>();
    }

    #[test]
    fn a_source_that_stays_on_its_thread_makes_a_stream_that_does() {
        const { assert!(Is::<EventStream<Chunks>>::SEND) };
        const { assert!(!Is::<EventStream<ChunksOfThread>>::SEND) };
        const { assert!(!Is::<Items<ChunksOfThread>>::SEND) };
        const { assert!(!Is::<UntilSentinel<ChunksOfThread>>::SEND) };
        let chunks = vec![Ok(b"data: a\n\n".to_vec()), Err("reset".into())];
        let chunks: ChunksOfThread = stream::iter(chunks);
        let events: Vec<_> = block_on(chunks.events().collect());
        assert_eq!(events, [Ok(Event::new("a")), Err(StreamError::Transport("reset".into()))]);
    }

    #[test]
    fn a_source_that_is_not_unpin_can_be_pinned() {
        let pinned = PhantomPinned;
        let chunks = stream::once(async move {
            let _held_across = &pinned;
            std::future::ready(()).await;
            Ok::<_, Infallible>("data: a\n\n")
        });
        let mut events = std::pin::pin!(chunks.events().until_sentinel("[DONE]"));
        assert_eq!(block_on(events.next()), Some(Ok(Event::new("a"))));
    }

    #[test]
    fn all_three_are_fused_streams() {
        fn is_stream_of<T, S: Stream<Item = Result<T, StreamError<Infallible>>> + FusedStream>() {}
        is_stream_of::<Event, EventStream<Chunks>>();
        is_stream_of::<Item, Items<Chunks>>();
        is_stream_of::<Event, UntilSentinel<Chunks>>();
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn streams_are_no_larger_than_they_were() {
        at_most::<EventStream<()>>(752);
        at_most::<Items<()>>(752);
        at_most::<UntilSentinel<()>>(784);
        at_most::<Outcome>(1);
    }
}

#[cfg(feature = "codec")]
mod codec_only {
    use std::io;

    use tokio_util::codec::{self, FramedRead};

    use super::*;

    #[test]
    fn a_decoder_is_one_whose_only_error_is_that_of_the_reader() {
        type Dropped = ParseError;
        fn is_codec<T: codec::Decoder<Item = Result<Event, Dropped>, Error = io::Error>>() {}
        is_codec::<Decoder>();
        is_owned::<FramedRead<io::Empty, Decoder>>();
    }
}

#[cfg(feature = "client")]
mod client_only {
    use std::{
        convert::Infallible,
        future::{Ready, ready},
        rc::Rc,
    };

    use futures::stream::FusedStream;
    use http::{Request, Response};
    use sse_wire::{Disconnect, EventSource, EventSourceBuilder, Signal};

    use super::*;

    type Answer = Ready<Result<Response<String>, Infallible>>;
    type Connect = fn(Request<Bytes>) -> Answer;
    type Sleep<T> = fn(Duration) -> Ready<T>;

    #[test]
    fn a_source_is_what_its_functions_and_futures_are() {
        fn is_anywhere<T: Send + Unpin + Debug + FusedStream + 'static>() {}
        is_anywhere::<EventSource<Connect, Sleep<()>>>();
        const { assert!(Is::<EventSource<Connect, Sleep<()>>>::SEND) };
        const { assert!(!Is::<EventSource<Connect, Sleep<Rc<()>>>>::SEND) };
    }

    #[test]
    fn builders_and_signals_may_go_anywhere() {
        fn is_sent<T: Send + Sync + Unpin + Debug + 'static>() {}
        is_sent::<Signal<std::io::Error>>();
        is_sent::<EventSourceBuilder>();
        is_clone::<EventSourceBuilder>();
        fn is_sent_error<T: Error + Send + Sync + 'static>() {}
        is_sent_error::<Disconnect<std::io::Error>>();
    }

    #[test]
    fn boxed_functions_will_do() {
        let request = Request::get("/").body("").unwrap();
        let connect: Box<dyn FnMut(Request<Bytes>) -> Answer> =
            Box::new(|_| ready(Ok(Response::new(String::new()))));
        let sleep: Sleep<()> = |_| ready(());
        let source = EventSource::new(request, connect, sleep);
        assert_eq!(source.stopped(), None);
    }
}

#[cfg(feature = "http")]
mod http_only {
    use std::{future::Pending, rc::Rc};

    use futures::stream;
    use sse_wire::http::{
        BodyError, EventBody, KeepAlive, KeptAlive, LastEventIdError, SleepTimer, TickTimer,
        UntilShutdown,
    };

    use super::*;

    type Ticks = TickTimer<stream::Pending<()>>;
    type Sleep = SleepTimer<fn(Duration) -> Pending<()>, Pending<()>>;

    #[test]
    fn bodies_are_what_their_streams_are() {
        fn is_sent<T: Send + Sync + Unpin + Debug + 'static>() {}
        is_sent::<EventBody<stream::Empty<Event>>>();
        is_sent::<EventBody<KeptAlive<UntilShutdown<stream::Empty<Item>, Pending<()>>, Ticks>>>();
        is_sent::<EventBody<KeptAlive<stream::Empty<Encoded>, Sleep>>>();
        const { assert!(!Is::<EventBody<stream::Iter<std::vec::IntoIter<Rc<()>>>>>::SEND) };
    }

    #[test]
    fn what_keeps_alive_can_be_cloned_for_many_bodies() {
        is_clone::<KeepAlive<Sleep>>();
        is_clone::<KeepAlive<Ticks>>();
    }

    #[test]
    fn errors_can_be_sent() {
        fn is_sent<T: Error + Send + Sync + 'static>() {}
        is_sent::<BodyError>();
        is_error::<LastEventIdError>();
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_body_is_no_larger_than_it_was() {
        at_most::<EventBody<stream::Pending<Event>>>(120);
        at_most::<BodyError>(32);
    }
}

#[cfg(all(feature = "http", feature = "tokio"))]
mod tokio_only {
    use sse_wire::http::{KeepAlive, SleepTimer, TokioTimer};

    use super::*;

    #[test]
    fn the_timers_of_tokio_can_be_sent_and_cloned() {
        fn is_sent<T: Send + Sync + Clone + Debug + 'static>() {}
        is_sent::<KeepAlive<TokioTimer>>();
        is_sent::<KeepAlive<SleepTimer<fn(Duration) -> tokio::time::Sleep, tokio::time::Sleep>>>();
    }
}
